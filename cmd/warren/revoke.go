package main

import (
	"fmt"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
)

type revokedJSON struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	ID      string `json:"id"`
	DryRun  bool   `json:"dry_run"`
	Outcome string `json:"outcome"`
}

func newRevoke(a *app) *cobra.Command {
	var reason string
	var dry bool
	cmd := &cobra.Command{
		Use:   "revoke NODE|TECHNICIAN --reason TEXT",
		Short: "Shut a machine or a technician out, for good",
		Long: `Shut a machine or a technician out of the mesh, for good. Its tunnels end, its
sessions end, and its key never comes back: to return, it joins anew.

It needs no controller: where none answers, it holds on this machine at once,
spreads from machine to machine, and the controllers enter it when they are
back.`,
		Example: "  warren revoke lost-laptop --reason 'stolen on the train'",
		Args:    exactArgs("NODE or TECHNICIAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return fault.New(fault.Invalid, "a revocation needs a reason").Try("warren revoke %s --reason TEXT", args[0])
			}
			return a.revoke(cmd, &warrenv1.RevokeRequest{Target: args[0], Reason: reason}, dry)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept in the log for all to read")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be revoked, change nothing")
	return cmd
}

// revoke looks the target up, asks, and revokes.
func (a *app) revoke(cmd *cobra.Command, req *warrenv1.RevokeRequest, dry bool) error {
	c, err := a.local()
	if err != nil {
		return err
	}
	defer c.Close()
	req.DryRun = true
	r, err := c.Node.Revoke(cmd.Context(), req)
	if err != nil {
		return err
	}
	if !dry {
		if err := a.confirm(fmt.Sprintf("Revoke %s %s (%.8s) for good?", r.GetKind(), printable(r.GetName()), r.GetId())); err != nil {
			return err
		}
		req.DryRun = false
		if r, err = c.Node.Revoke(cmd.Context(), req); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(revokedJSON{Kind: r.GetKind(), Name: r.GetName(), ID: r.GetId(), DryRun: dry, Outcome: r.GetOutcome()})
	}
	word := "Revoked"
	if dry {
		word = "Would revoke"
	}
	a.say("%s %s %s (%.8s).", word, r.GetKind(), printable(r.GetName()), r.GetId())
	if r.GetOutcome() == "spreading" {
		a.say("No controller answers. It holds on this machine, spreads from machine to machine, and the controllers enter it when they are back.")
	}
	return nil
}
