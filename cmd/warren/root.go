package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"warren/node/client"
	"warren/node/fault"
	"warren/node/platform"
)

// streams are a process's three files.
type streams struct {
	in  *os.File
	out io.Writer
	err io.Writer
}

func standard() streams { return streams{in: os.Stdin, out: os.Stdout, err: os.Stderr} }

// app is what every verb shares: the global flags and the streams.
type app struct {
	streams
	state string
	json  bool
	yes   bool
}

func newRoot(s streams) *cobra.Command {
	a := &app{streams: s}
	root := &cobra.Command{
		Use:   "warren",
		Short: "Reach your machines over a mesh that is yours alone",
		Long: `warren joins your machines to a WireGuard mesh without a server in the middle
and opens terminals on them.

Start here:
  warren demo                 try it all on this machine alone
  warren init --name home     found a mesh on this machine
  warren up                   run this machine's node
  warren invite               make a link for another machine
  warren join LINK            on that machine
  warren approve NAME         the same six words on both? let it in
  warren shell NAME           a terminal on it`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	f := root.PersistentFlags()
	f.StringVar(&a.state, "state", "", "state folder (default $WARREN_STATE, /var/lib/warren, or the user's own)")
	f.BoolVar(&a.json, "json", false, "print JSON")
	f.BoolVarP(&a.yes, "yes", "y", false, "answer every question with yes")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var value *pflag.InvalidValueError
		if errors.As(err, &value) { // its own text is a Go parser's
			err = fmt.Errorf("--%s takes no %q", value.GetFlag().Name, value.GetValue())
		}
		return fault.New(fault.Invalid, "%w", err).Try("%s --help", cmd.CommandPath())
	})
	root.SetUsageFunc(sayUsage)
	group := func(title string, verbs ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: title, Title: title + ":"})
		for _, v := range verbs {
			v.GroupID = title
		}
		root.AddCommand(verbs...)
	}
	group("This machine",
		newInit(a), newJoin(a), newUp(a), newDown(a), newLeave(a), newInstall(a), newUninstall(a),
		newStatus(a), newPeers(a), newPing(a), newDoctor(a), newBundle(a))
	group("Who belongs to the mesh",
		newInvite(a), newInvites(a), newPending(a), newApprove(a), newReject(a),
		newDevices(a), newDevice(a), newTechnicians(a), newRevoke(a))
	group("What all machines agree on", newPolicy(a), newAudit(a), newControllers(a), newBackup(a), newRestore(a))
	group("Work", newShell(a), newDesktop(a), newSessions(a), newConsole(a))
	group("Other", newDemo(a), newVersion(a), newCompletion(a), newManual(a))
	root.SetHelpCommandGroupID("Other")
	a.completes(root)
	return root
}

func unknownVerb(cmd *cobra.Command, word string) error {
	err := fault.New(fault.Invalid, "unknown verb %q", word)
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return err.Try("%s %s", cmd.CommandPath(), near[0])
	}
	return err.Try("%s --help", cmd.CommandPath())
}

// exactArgs is cobra.ExactArgs in our words.
func exactArgs(names ...string) cobra.PositionalArgs { return upTo(len(names), names...) }

// upTo wants the named arguments and takes most in all.
func upTo(most int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fault.New(fault.Invalid, "%s is missing", names[len(args)]).Try("%s --help", cmd.CommandPath())
		case len(args) > most && cmd.HasSubCommands():
			return unknownVerb(cmd, args[most])
		case len(args) > most:
			return fault.New(fault.Invalid, "unexpected argument %q", args[most]).Try("%s --help", cmd.CommandPath())
		}
		return nil
	}
}

func noArgs(cmd *cobra.Command, args []string) error { return exactArgs()(cmd, args) }

// self is this program as the person has to call it again: without sudo, or
// without the flag, another state folder would be meant.
func (a *app) self() string {
	s := "warren"
	if os.Geteuid() == 0 && os.Getenv("SUDO_UID") != "" {
		s = "sudo " + s
	}
	if a.state != "" {
		s += " --state " + quoted(a.state)
	}
	return s
}

// dir is the state folder the flags name; it need not exist.
func (a *app) dir() (platform.Dir, error) { return platform.StateDir(a.state) }

// local is a client of the running node.
func (a *app) local() (*client.Local, error) {
	d, err := a.dir()
	if err != nil {
		return nil, err
	}
	return client.NewLocal(d), nil
}

// asking is a verb that asks the running node.
func (a *app) asking(ask func(ctx context.Context, c *client.Local, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.local()
		if err != nil {
			return err
		}
		defer c.Close()
		return ask(cmd.Context(), c, args)
	}
}

// interactive tells whether a person can be asked.
func (a *app) interactive() bool {
	return a.in != nil && term.IsTerminal(int(a.in.Fd()))
}
