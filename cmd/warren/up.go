package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"warren/node"
	"warren/node/platform"
	"warren/node/platform/service"
)

func newUp(a *app) *cobra.Command {
	var given platform.Config
	var debug bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run this machine's node",
		Long: `Run this machine's node in the foreground until it is told to stop. Options may
stand in warren.yaml in the state folder as well, in the same words; flags win.`,
		Example: "  warren up\n  warren up --public hq.example.org:41820\n  warren up --loopback --listen :41900",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			up, err := platform.ReadConfig(d.Config())
			if err != nil {
				return err
			}
			overlay(cmd, &up, given)
			level := slog.LevelInfo
			if debug {
				level = slog.LevelDebug
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			later(a, up)
			return a.run(ctx, node.Config{
				Dir: d, Up: up,
				Ready: func() {
					a.say("ready")
					service.Notify("READY=1", "STATUS=ready")
				},
				Waiting: func() { service.Notify("READY=1", "STATUS=waits for approval; see warren status") },
				Log:     slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level})),
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&given.Listen, "listen", platform.DefaultListen, "UDP and TCP address; the three ports above it are the node's too")
	f.IntVar(&given.ListenTLS, "listen-tls", 0, "one more TCP port for TLS, 443 say")
	f.StringSliceVar(&given.Public, "public", nil, "HOST:PORT by which others anywhere reach this machine; repeat for more")
	f.BoolVar(&given.Loopback, "loopback", false, "stay on this machine: loopback addresses only, no kernel interface")
	f.StringVar(&given.Tun, "tun", "auto", "auto, kernel or userspace")
	f.StringVar(&given.Console, "console", "127.0.0.1:7780", "where the console is served")
	f.BoolVar(&given.HostFiles, "host-files", false, "terminals see all files, where a service manager lets the node see a part of them")
	f.BoolVar(&debug, "debug", false, "log more")
	return cmd
}

// overlay puts the flags that were given over what the file says.
func overlay(cmd *cobra.Command, up *platform.Config, given platform.Config) {
	f := cmd.Flags()
	if f.Changed("listen") {
		up.Listen = given.Listen
	}
	if f.Changed("listen-tls") {
		up.ListenTLS = given.ListenTLS
	}
	if f.Changed("public") {
		up.Public = given.Public
	}
	if f.Changed("loopback") {
		up.Loopback = given.Loopback
	}
	if f.Changed("tun") {
		up.Tun = given.Tun
	}
	if f.Changed("host-files") {
		up.HostFiles = given.HostFiles
	}
	if f.Changed("console") {
		up.Console = given.Console
	}
}

// later says which options are taken but do nothing yet.
func later(a *app, up platform.Config) {
	if up.Console != "" {
		a.say("note: the console is not there yet; --console does nothing")
	}
}

func (a *app) run(ctx context.Context, cfg node.Config) error {
	// A folder for programs of other users to pass through, files for nobody.
	_ = os.Chdir(string(cfg.Dir))
	return node.Run(ctx, cfg)
}
