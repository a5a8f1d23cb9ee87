package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.local()
			if err != nil {
				return err
			}
			defer c.Close()
			r, err := c.Meaning.History(cmd.Context(), &warrenv1.HistoryRequest{})
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
		},
	}
}
