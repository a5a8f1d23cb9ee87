package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

type sessionJSON struct {
	ID         string `json:"id"`
	Verb       string `json:"verb"`
	Technician string `json:"technician"`
	Device     string `json:"device"`
	OSUser     string `json:"os_user"`
	Since      string `json:"since"`
	Direction  string `json:"direction"`
}

func newSessions(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "List the sessions that are open on this machine and from it",
		Long: `List the sessions that are open: "in" are those that others have on this
machine, "out" those that were opened from here. History is in warren audit.`,
		Example: "  warren sessions\n  warren sessions kill 1a2b3c4d",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Sessions.List(ctx, &warrenv1.ListSessionsRequest{})
			if err != nil {
				return err
			}
			out := []sessionJSON{}
			var rows [][]string
			for _, s := range r.GetSessions() {
				since := millis(s.GetSince())
				out = append(out, sessionJSON{
					ID: s.GetId(), Verb: s.GetVerb(), Technician: s.GetTechnician(), Device: s.GetDevice(), OSUser: s.GetOsUser(),
					Since: fine(since), Direction: s.GetDirection(),
				})
				rows = append(rows, []string{short(s.GetId()), s.GetDirection(), s.GetVerb(), dash(s.GetTechnician()), s.GetDevice(), dash(s.GetOsUser()), clock(since)})
			}
			if a.json {
				return a.printJSON(out)
			}
			if len(rows) == 0 {
				a.say("No sessions are open.")
				return nil
			}
			return a.table([]string{"ID", "WAY", "VERB", "WHO", "ON", "AS", "SINCE"}, rows)
		}),
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "kill ID",
		Short: "End a session",
		Long: `End a session on this machine, or one that was opened from here. Needs neither
a controller nor the network. The beginning of an ID is enough.`,
		Example: "  warren sessions kill 1a2b3c4d",
		Args:    exactArgs("ID"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			id, err := openSession(ctx, c, args[0])
			if err != nil {
				return err
			}
			if _, err := c.Sessions.End(ctx, &warrenv1.EndSessionRequest{Id: id}); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"id": id, "state": "ended"})
			}
			a.say("Session %s is ended.", short(id))
			return nil
		}),
	})
	return cmd
}

// short is as much of an id as people copy.
func short(id string) string { return id[:min(len(id), 8)] }

// openSession finds the one whose id begins with word.
func openSession(ctx context.Context, c *client.Local, word string) (string, error) {
	r, err := c.Sessions.List(ctx, &warrenv1.ListSessionsRequest{})
	if err != nil {
		return "", err
	}
	var found []string
	for _, s := range r.GetSessions() {
		if word != "" && strings.HasPrefix(s.GetId(), strings.ToLower(word)) {
			found = append(found, s.GetId())
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fault.New(fault.NotFound, "no session %.40q is open on this machine", word).Try("warren sessions")
	}
	return "", fault.New(fault.Invalid, "%d sessions begin with %.40q", len(found), word).Try("more of the id, see warren sessions --json")
}
