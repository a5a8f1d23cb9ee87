package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"warren/node/demo"
	"warren/node/fault"
)

func newDemo(a *app) *cobra.Command {
	var dir string
	var devices int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a whole mesh on this machine, to try things on",
		Long: `Run a whole mesh on this machine as real processes on loopback: three
controllers, a technician's node and devices. It runs until Ctrl-C and leaves
nothing behind.`,
		Example: "  warren demo\n  eval \"$(warren demo env)\"; warren devices\n  warren demo stop controllers",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			exe, err := os.Executable()
			if err != nil {
				return fault.New(fault.Internal, "find this program: %w", err)
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return demo.Run(ctx, demo.Config{
				Exe: exe, Dir: dir, Devices: devices, Say: a.say, Ready: a.tryThis,
			})
		},
	}
	f := cmd.PersistentFlags()
	f.StringVar(&dir, "dir", demo.DefaultDir(), "folder of the demo (default: one of this user, where temporary files go)")
	f.Lookup("dir").DefValue = "" // said in words: the manual is the same on every machine
	cmd.Flags().IntVar(&devices, "devices", 2, "how many devices")
	cmd.AddCommand(
		demoVerb(a, &dir, "status", "Show the demo's machines", "warren demo status"),
		demoVerb(a, &dir, "stop", "Stop a machine of the demo, or all controllers", "warren demo stop controllers"),
		demoVerb(a, &dir, "start", "Start a stopped machine of the demo", "warren demo start controllers"),
		&cobra.Command{
			Use:     "env",
			Short:   "Print what makes warren speak for the demo's technician",
			Example: "  eval \"$(warren demo env)\"",
			Args:    noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				s, err := demo.Ask(cmd.Context(), dir, "status")
				if err != nil {
					return err
				}
				state := filepath.Join(s.Dir, demo.Desk)
				if a.json {
					return a.printJSON(map[string]string{"WARREN_STATE": state})
				}
				_, err = fmt.Fprintf(a.out, "export WARREN_STATE=%s\n", quoted(state))
				return err
			},
		},
	)
	return cmd
}

func demoVerb(a *app, dir *string, verb, short, example string) *cobra.Command {
	use, args := verb+" NAME", exactArgs("NAME")
	if verb == "status" {
		use, args = verb, noArgs
	}
	return &cobra.Command{
		Use: use, Short: short, Example: "  " + example, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			command := verb
			if len(args) == 1 {
				command += " " + args[0]
			}
			return a.askDemo(cmd.Context(), *dir, command)
		},
	}
}

func (a *app) askDemo(ctx context.Context, dir, command string) error {
	s, err := demo.Ask(ctx, dir, command)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(s)
	}
	return a.demoTable(s)
}

func (a *app) demoTable(s demo.Status) error {
	var rows [][]string
	for _, n := range s.Nodes {
		state := "stopped"
		if n.Running {
			state = fmt.Sprintf("running (%d)", n.PID)
		}
		rows = append(rows, []string{n.Name, n.Role, state, n.State})
	}
	return a.table([]string{"NAME", "ROLE", "STATE", "FOLDER"}, rows)
}

// tryThis says what the demo is good for.
func (a *app) tryThis(s demo.Status) {
	if a.json {
		_ = a.printJSON(s)
		return
	}
	exe, folder := os.Args[0], ""
	if s.Dir != demo.DefaultDir() {
		folder = " --dir " + quoted(s.Dir)
	}
	a.say("")
	_ = a.demoTable(s)
	a.say("")
	a.say("In another terminal, four things to try:")
	a.say("")
	one, other := demo.Desk, demo.Desk // where there is no device
	for _, n := range s.Nodes {
		if n.Role == "device" {
			if one == demo.Desk {
				one = n.Name
			}
			other = n.Name
		}
	}
	a.say("  # speak for the technician, who sits at %s", demo.Desk)
	a.say("  eval \"$(%s demo env%s)\"", exe, folder)
	a.say("  # see it all in a browser")
	a.say("  %s console", exe)
	a.say("  # open a terminal there, straight through the mesh")
	a.say("  %s shell %s", exe, one)
	a.say("  # stop all controllers, then shell %s: it needs nobody in the middle", other)
	a.say("  %s demo stop controllers%s", exe, folder)
	a.say("")
	a.say("Ctrl-C ends the demo; nothing stays behind.")
}

// quoted is a path as a shell reads it back: as it is where that is plain.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r == '/' || r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
