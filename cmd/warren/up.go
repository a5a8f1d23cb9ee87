package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"warren/node"
	"warren/node/fault"
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
stand in warren.yaml in the state folder as well, in the same words; flags win.

On a machine in no mesh it prints the address of a page that founds one, where
it runs in a terminal or --console is given.`,
		Example: "  warren up\n  warren up --public hq.example.org:41820\n  warren up --loopback --listen :41900",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			if platform.Missed(d) && !cmd.Flags().Changed("console") {
				return fault.New(fault.NotFound, "you have no node of your own; this machine has one, which root runs").Try("sudo warren up")
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
			return a.run(ctx, node.Config{
				Dir: d, Up: up, Begin: a.begins(up), Name: hostName(), Version: version,
				Ready: func() {
					a.say("ready")
					service.Notify("READY=1", "STATUS=ready")
				},
				Heir:    []string{"/proc/self/exe", os.Args[0]},
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
	f.StringVar(&given.Console, "console", platform.DefaultConsole, "where the console is served, on this machine only")
	f.BoolVar(&given.HostFiles, "host-files", false, "terminals see all files, where a service manager lets the node see a part of them")
	f.StringVar(&given.DesktopUser, "desktop-user", "", "as whom virtual displays run, where the machine has no display; without root the node's own user")
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
	if f.Changed("desktop-user") {
		up.DesktopUser = given.DesktopUser
	}
	if f.Changed("console") {
		up.Console = given.Console
	}
}

// begins tells where a person may found a mesh by a page: only where somebody
// looks, or asked for the page.
func (a *app) begins(up platform.Config) func(url string) {
	if up.Console == "" && !a.interactive() {
		return nil
	}
	if os.Getenv("JOURNAL_STREAM") != "" { // systemd's journal, which others read
		return func(string) {
			a.say("This machine is in no mesh yet; sudo warren console gives the address of a page that founds one.")
		}
	}
	return func(url string) {
		a.say("This machine is in no mesh yet. To found one here,")
		a.say("open %s", url)
		a.say("It works once, for five minutes; warren console gives another.")
	}
}

func (a *app) run(ctx context.Context, cfg node.Config) error {
	// A folder for programs of other users to pass through, files for nobody.
	_ = os.Chdir(string(cfg.Dir))
	return node.Run(ctx, cfg)
}
