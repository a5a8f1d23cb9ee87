package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/platform"
)

func newDown(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "down",
		Short:   "Stop this machine's node",
		Long:    "Stop this machine's node, and return when it has stopped.",
		Example: "  warren down",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			if err := askToStop(cmd.Context(), d, false); err != nil {
				return err
			}
			release, err := stopped(cmd.Context(), d)
			switch {
			case err == nil:
				release()
			case fault.KindOf(err) != fault.Denied: // where it is, the folder is another user's
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"state": string(d)})
			}
			return nil
		},
	}
}

func askToStop(ctx context.Context, d platform.Dir, leave bool) error {
	c := client.NewLocal(d)
	defer c.Close()
	_, err := c.Node.Down(ctx, &warrenv1.DownRequest{Leave: leave})
	return err
}

// stopNode stops the node of d where one runs, and takes its place until
// release is called. With leave the node bids the mesh farewell first.
func stopNode(ctx context.Context, d platform.Dir, leave bool) (release func(), err error) {
	if !d.Answers() {
		return platform.Lock(d)
	}
	if err := askToStop(ctx, d, leave); err != nil {
		return nil, err
	}
	return stopped(ctx, d)
}

// stopped waits until the node of d has let go of the folder.
func stopped(ctx context.Context, d platform.Dir) (release func(), err error) {
	deadline := time.Now().Add(15 * time.Second)
	for {
		release, err := platform.Lock(d)
		if err == nil || fault.Of(err).Reason != "running" {
			return release, err
		}
		if time.Now().After(deadline) {
			return nil, fault.New(fault.Unavailable, "the running node does not stop").Try("the same again, or end it by hand")
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
