package main

import (
	"context"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
)

type technicianJSON struct {
	Name    string `json:"name"`
	Key     string `json:"key"`
	Admin   bool   `json:"admin"`
	Node    string `json:"node"`
	Revoked bool   `json:"revoked"`
}

func newTechnicians(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "technicians",
		Short:   "List the people who may work on machines",
		Example: "  warren technicians\n  warren invite --role technician",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Node.Technicians(ctx, &warrenv1.TechniciansRequest{})
			if err != nil {
				return err
			}
			out := []technicianJSON{}
			var rows [][]string
			for _, t := range r.GetTechnicians() {
				out = append(out, technicianJSON{Name: t.GetName(), Key: t.GetKey(), Admin: t.GetAdmin(), Node: t.GetNode(), Revoked: t.GetRevoked()})
				role, state := "technician", "active"
				if t.GetAdmin() {
					role = "admin"
				}
				if t.GetRevoked() {
					state = "revoked"
				}
				rows = append(rows, []string{t.GetName(), role, dash(t.GetNode()), state})
			}
			if a.json {
				return a.printJSON(out)
			}
			return a.table([]string{"NAME", "ROLE", "WORKS FROM", "STATE"}, rows)
		}),
	}
	cmd.AddCommand(newTechniciansRemove(a))
	return cmd
}

func newTechniciansRemove(a *app) *cobra.Command {
	var reason string
	var dry bool
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Short:   "Take a technician's rights away, for good",
		Example: "  warren technicians remove anna --reason 'left the firm'",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.revoke(cmd, &warrenv1.RevokeRequest{Target: args[0], Reason: reason, Technician: true}, dry)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "removed", "why; kept in the log for all to read")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say who would be removed, change nothing")
	return cmd
}
