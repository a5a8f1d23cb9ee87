package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
)

type changeJSON struct {
	Who    []string `json:"who"`
	Verbs  []string `json:"verbs"`
	Users  []string `json:"users"`
	Except []string `json:"except"`
	IP     []string `json:"ip"`
	On     []string `json:"on"`
	Later  bool     `json:"later"`
}

type diffJSON struct {
	Revision uint64       `json:"revision"`
	SameText bool         `json:"same_text"`
	Widens   bool         `json:"widens"`
	Narrows  bool         `json:"narrows"`
	Allowed  []changeJSON `json:"allowed"`
	Denied   []changeJSON `json:"denied"`
}

func newPolicyDiff(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff FILE",
		Short: "Show what a policy file would change in what is allowed",
		Long: `Show what a policy file would newly allow and what it would no longer allow.
Both policies are evaluated for every technician, machine, verb, user and port,
and for whoever may join later: the texts are not compared.`,
		Example: "  warren policy diff policy.hujson",
		Args:    exactArgs("FILE"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			text, err := readPolicy(a, args[0])
			if err != nil {
				return err
			}
			r, err := c.Meaning.Compare(ctx, &warrenv1.CompareRequest{Policy: text})
			if err != nil {
				return named(args[0], err)
			}
			if !a.json {
				a.printDiff(a.out, r, "would allow")
				return nil
			}
			return a.printJSON(diffJSON{
				Revision: r.GetRevision(), SameText: r.GetSameText(),
				Widens: len(r.GetAllowed()) > 0, Narrows: len(r.GetDenied()) > 0,
				Allowed: changesOf(r.GetAllowed()), Denied: changesOf(r.GetDenied()),
			})
		}),
	}
}

func changesOf(list []*warrenv1.RightChange) []changeJSON {
	out := []changeJSON{}
	for _, c := range list {
		out = append(out, changeJSON{
			Who: nonNil(c.GetWho()), Verbs: nonNil(c.GetVerbs()), Users: nonNil(c.GetUsers()), Except: nonNil(c.GetExcept()),
			IP: nonNil(c.GetIp()), On: nonNil(c.GetOn()), Later: c.GetLater(),
		})
	}
	return out
}

// printDiff shows what changes to people; w is standard output where that is
// what was asked for.
func (a *app) printDiff(w io.Writer, r *warrenv1.CompareResponse, allows string) {
	switch {
	case r.GetSameText():
		fmt.Fprintf(w, "no change: this is the policy in force (revision %d)\n", r.GetRevision())
		return
	case len(r.GetAllowed())+len(r.GetDenied()) == 0:
		fmt.Fprintf(w, "no change in what is allowed: only the text differs from revision %d\n", r.GetRevision())
		return
	}
	fmt.Fprintf(w, "Against revision %d this %s\n", r.GetRevision(), allows)
	section := func(heading, sign string, list []*warrenv1.RightChange, later bool) {
		var rows [][]string
		for _, c := range list {
			if c.GetLater() == later {
				rows = append(rows, []string{"  " + sign + " " + some(c.GetWho(), r.GetDevices()), rightOf(c), "on " + some(c.GetOn(), r.GetDevices())})
			}
		}
		if len(rows) > 0 {
			fmt.Fprintf(w, "\n%s\n", heading)
			_ = writeLines(w, layOut(rows, columns(w)))
		}
	}
	section("newly:", "+", r.GetAllowed(), false)
	section("no longer:", "-", r.GetDenied(), false)
	section("newly, to whoever joins later:", "+", r.GetAllowed(), true)
	section("no longer, to whoever joins later:", "-", r.GetDenied(), true)
	fmt.Fprintln(w)
}

// some shortens a list that nobody would read to its end.
func some(names []string, all uint32) string {
	const most = 5
	switch {
	case len(names) > 2 && len(names) == int(all):
		return "every machine"
	case len(names) > most+1:
		return printable(fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most))
	}
	return printable(strings.Join(names, ", "))
}

func rightOf(c *warrenv1.RightChange) string {
	if len(c.GetIp()) > 0 {
		return strings.Join(c.GetIp(), ", ")
	}
	out := strings.Join(c.GetVerbs(), ", ")
	switch users := c.GetUsers(); {
	case slices.Contains(users, "*") && len(users) > 1:
		out += " as any user, root too"
	case slices.Contains(users, "*"):
		out += " as any user but root"
	case len(users) > 0:
		out += " as " + strings.Join(users, ", ")
	}
	if len(c.GetExcept()) > 0 {
		out += ", except " + strings.Join(c.GetExcept(), ", ")
	}
	return printable(out)
}
