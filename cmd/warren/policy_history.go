package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
)

type revisionJSON struct {
	Revision uint64   `json:"revision"`
	Time     string   `json:"time"`
	Authors  []string `json:"authors"`
	Hash     string   `json:"hash"`
}

func newPolicyHistory(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "history",
		Short:   "List the policies there were: when, and who signed",
		Example: "  warren policy history",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Meaning.History(ctx, &warrenv1.HistoryRequest{})
			if err != nil {
				return err
			}
			out := []revisionJSON{}
			var rows [][]string
			for _, p := range r.GetRevisions() {
				at := millis(p.GetTime())
				out = append(out, revisionJSON{Revision: p.GetRevision(), Time: stamp(at), Authors: nonNil(p.GetAuthors()), Hash: p.GetHash()})
				rows = append(rows, []string{fmt.Sprint(p.GetRevision()), clock(at), strings.Join(p.GetAuthors(), ", "), fmt.Sprintf("%.16s", p.GetHash())})
			}
			if a.json {
				return a.printJSON(out)
			}
			return a.table([]string{"REVISION", "TIME", "SIGNED BY", "SHA-256"}, rows)
		}),
	}
}
