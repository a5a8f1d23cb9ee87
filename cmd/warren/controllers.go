package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
)

type listedJSON struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Voter     bool   `json:"voter"`
	Leader    bool   `json:"leader"`
	Reachable bool   `json:"reachable"`
}

func controllerOut(c *warrenv1.ListedController) listedJSON {
	return listedJSON{
		ID: c.GetId(), Name: c.GetName(), Voter: c.GetVoter(), Leader: c.GetLeader(), Reachable: c.GetReachable(),
	}
}

func newControllers(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "controllers",
		Short: "List the controllers, and say who votes",
		Long: `List the controllers. They keep what all machines agree on; a change needs more
than half of those that vote. Three stand the loss of one, five of two.`,
		Example: "  warren controllers\n  warren controllers add hq-2\n  warren controllers remove hq-1",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Controllers.List(ctx, &warrenv1.ListControllersRequest{})
			if err != nil {
				return err
			}
			out := []listedJSON{}
			var rows [][]string
			for _, one := range r.GetControllers() {
				out = append(out, controllerOut(one))
				rows = append(rows, []string{printable(one.GetName()), controllerState(one), onlineWord(one.GetReachable()), fmt.Sprintf("%.8s", one.GetId())})
			}
			if a.json {
				return a.printJSON(out)
			}
			return a.table([]string{"NAME", "STATE", "ONLINE", "ID"}, rows)
		}),
	}
	cmd.AddCommand(newControllersAdd(a), newControllersRemove(a), newControllersRecover(a))
	return cmd
}

func controllerState(c *warrenv1.ListedController) string {
	switch {
	case c.GetLeader():
		return "leads"
	case c.GetVoter():
		return "votes"
	}
	return "follows"
}

func newControllersAdd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "add NODE",
		Short: "Give a controller its vote",
		Long: `Give a machine that joined with the role controller its vote. It returns when
the machine has caught up and votes.`,
		Example: "  warren controllers add hq-2",
		Args:    exactArgs("NODE"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			r, err := c.Controllers.Add(ctx, &warrenv1.AddControllerRequest{Node: args[0]})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(controllerOut(r.GetController()))
			}
			a.say("%s votes.", printable(r.GetController().GetName()))
			a.sayVoters(r.GetVoters())
			return nil
		}),
	}
}

// sayVoters says what a number of voters can stand.
func (a *app) sayVoters(n uint32) {
	switch {
	case n == 1:
		a.say("One controller votes: while it is down nothing can be changed.")
	case n == 2:
		a.say("Two controllers vote: while either is down nothing can be changed. Add a third.")
	default:
		a.say("%d controllers vote: %d of them may be down.", n, (n-1)/2)
	}
}

func newControllersRemove(a *app) *cobra.Command {
	var reason string
	var dry bool
	cmd := &cobra.Command{
		Use:   "remove NODE",
		Short: "Take a controller's vote and its right to order, for good",
		Long: `Take a controller's vote and its right to order, for good; also a dead one's.
The machine itself stays in the mesh; warren revoke shuts it out altogether.`,
		Example: "  warren controllers remove hq-1\n  warren controllers remove hq-1 --reason 'disk failed' --yes",
		Args:    exactArgs("NODE"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			req := &warrenv1.RemoveControllerRequest{Node: args[0], Reason: reason, DryRun: true}
			r, err := c.Controllers.Remove(ctx, req)
			if err != nil {
				return err
			}
			name := printable(r.GetController().GetName())
			if !dry {
				if err := a.confirm(fmt.Sprintf("Remove %s from the controllers for good? %d will vote.", name, r.GetVoters())); err != nil {
					return err
				}
				req.DryRun = false
				if r, err = c.Controllers.Remove(ctx, req); err != nil {
					return err
				}
			}
			if a.json {
				return a.printJSON(struct {
					ID     string `json:"id"`
					Name   string `json:"name"`
					Voters uint32 `json:"voters"`
					DryRun bool   `json:"dry_run"`
				}{r.GetController().GetId(), r.GetController().GetName(), r.GetVoters(), dry})
			}
			word := "is no controller any more"
			if dry {
				word = "would be no controller any more"
			}
			a.say("%s %s.", name, word)
			a.sayVoters(r.GetVoters())
			return nil
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "removed", "why; kept in the log for all to read")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would happen, change nothing")
	return cmd
}
