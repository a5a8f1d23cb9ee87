package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
)

func newLeave(a *app) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Leave the mesh and delete this machine's keys",
		Long: `Leave the mesh and delete this machine's keys. Works without a connection; a
running node tells the others first, as far as it reaches them.`,
		Example: "  warren leave\n  warren leave --dry-run",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			h := home.At(d)
			m, err := h.Member()
			if errors.Is(err, fs.ErrNotExist) {
				if _, kerr := h.NodeKey(); errors.Is(kerr, fs.ErrNotExist) {
					return fault.New(fault.NotFound, "this machine is in no mesh")
				}
			}
			if dry {
				a.say("Would leave mesh %s and delete the keys in %s.", printable(m.MeshName), d)
				return nil
			}
			if err := a.confirm("Leave mesh " + printable(m.MeshName) + " and delete its keys here?"); err != nil {
				return err
			}
			if d.Answers() {
				if err := stopNode(cmd.Context(), d); err != nil {
					return err
				}
			}
			release, err := platform.Lock(d)
			if err != nil {
				return err
			}
			defer release()
			if err := h.Leave(); err != nil {
				return err
			}
			a.say("Left. The keys in %s are gone.", d)
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would go, change nothing")
	return cmd
}

// stopNode asks a running node to bid farewell and stop, and waits for it.
func stopNode(ctx context.Context, d platform.Dir) error {
	c := client.NewLocal(d)
	defer c.Close()
	if _, err := c.Node.Down(ctx, &warrenv1.DownRequest{Leave: true}); err != nil {
		return err
	}
	deadline := time.Now().Add(15 * time.Second)
	for d.Answers() {
		if time.Now().After(deadline) {
			return fault.New(fault.Unavailable, "the running node does not stop").Try("end it, then warren leave again")
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}
