package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
)

type grantLineJSON struct {
	Line uint32 `json:"line"`
	Text string `json:"text"`
}

type explainJSON struct {
	Allowed bool            `json:"allowed"`
	Grants  []grantLineJSON `json:"grants"`
	Reasons []string        `json:"reasons"`
	Missing string          `json:"missing"`
}

func newPolicyExplain(a *app) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "explain SRC DST VERB",
		Short: "Say whether something is allowed, and by which grant",
		Long: `Say whether SRC may use VERB on DST under the policy in force, by which grant,
or what is missing. SRC is a technician, a device, or group:, tag: or
role:admin; DST a device, tag: or role:. VERB is a verb, or packets: tcp:443,
udp:53, icmp.
The answer no is an answer: the exit code is 0.`,
		Example: "  warren policy explain anna kiosk-1 shell --user root\n  warren policy explain tag:web db-1 tcp:5432",
		Args:    exactArgs("SRC", "DST", "VERB"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			r, err := c.Meaning.Explain(ctx, &warrenv1.ExplainRequest{Src: args[0], Dst: args[1], Verb: args[2], User: user})
			if err != nil {
				return err
			}
			if a.json {
				out := explainJSON{Allowed: r.GetAllowed(), Grants: []grantLineJSON{}, Reasons: nonNil(r.GetReasons()), Missing: r.GetMissing()}
				for _, g := range r.GetGrants() {
					out.Grants = append(out.Grants, grantLineJSON{g.GetLine(), g.GetText()})
				}
				return a.printJSON(out)
			}
			_, err = fmt.Fprint(a.out, explanation(r))
			return err
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "OS user on DST (default: the technician's own name)")
	return cmd
}

// explanation is an answer for people: the word, why, and the grants.
func explanation(r *warrenv1.ExplainResponse) string {
	var b strings.Builder
	word := "denied "
	if r.GetAllowed() {
		word = "allowed"
	}
	for i, reason := range r.GetReasons() {
		if i > 0 {
			word = "       "
		}
		fmt.Fprintf(&b, "%s  %s\n", word, printable(reason))
	}
	for _, g := range r.GetGrants() {
		fmt.Fprintf(&b, "\nline %d\n  %s\n", g.GetLine(), printable(g.GetText()))
	}
	if r.GetMissing() != "" {
		fmt.Fprintf(&b, "\nthis grant would allow it\n  %s\n", printable(r.GetMissing()))
	}
	return b.String()
}
