package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

func newPolicy(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "policy",
		Short:   "Read and change who may do what",
		Example: "  warren policy show > policy.hujson\n  warren policy diff policy.hujson\n  warren policy apply policy.hujson\n  warren policy explain anna kiosk-1 shell --user root",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newPolicyShow(a), newPolicyCheck(a, "check"), newPolicyCheck(a, "test"), newPolicyDiff(a), newPolicyApply(a),
		newPolicyExplain(a), newPolicyHistory(a),
	)
	return cmd
}

func newPolicyShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Print the policy in force",
		Example: "  warren policy show",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Policy.Get(ctx, &warrenv1.GetPolicyRequest{})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					Revision uint64 `json:"revision"`
					Author   string `json:"author"`
					Time     string `json:"time"`
					Policy   string `json:"policy"`
				}{r.GetRevision(), r.GetAuthor(), stamp(millis(r.GetTime())), string(r.GetPolicy())})
			}
			_, err = a.out.Write(r.GetPolicy())
			return err
		}),
	}
}

// newPolicyCheck is check and test: with a node running the file's own tests
// run against the mesh as it is; check does without one.
func newPolicyCheck(a *app, verb string) *cobra.Command {
	short := "Check a policy file, and run its own tests where a node runs"
	if verb == "test" {
		short = "Run a policy file's own tests against the mesh"
	}
	return &cobra.Command{
		Use:     verb + " FILE",
		Short:   short,
		Example: "  warren policy " + verb + " policy.hujson",
		Args:    exactArgs("FILE"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			text, err := readPolicy(a, args[0])
			if err != nil {
				return err
			}
			if err := client.CheckPolicy(text); err != nil {
				return named(args[0], err)
			}
			r, err := c.Policy.Apply(ctx, &warrenv1.ApplyPolicyRequest{Policy: text, DryRun: true})
			alone := fault.KindOf(err) == fault.Unavailable && verb == "check"
			if err != nil && !alone {
				return named(args[0], err)
			}
			return a.policyResult(args[0], "is good", r, alone)
		}),
	}
}

func newPolicyApply(a *app) *cobra.Command {
	var dry bool
	var revision uint64
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Put a policy file into force everywhere",
		Long: `Put a policy file into force everywhere. First it shows what the file changes in
what is allowed; on a terminal it asks then, unless --yes is given.`,
		Example: "  warren policy apply policy.hujson\n  warren policy apply --if-revision 4 policy.hujson",
		Args:    exactArgs("FILE"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			text, err := readPolicy(a, args[0])
			if err != nil {
				return err
			}
			r, err := c.Policy.Apply(ctx, &warrenv1.ApplyPolicyRequest{Policy: text, IfRevision: revision, DryRun: true})
			if err != nil {
				return named(args[0], err)
			}
			diff, err := c.Meaning.Compare(ctx, &warrenv1.CompareRequest{Policy: text})
			if err != nil {
				return named(args[0], err)
			}
			if !a.json {
				a.printDiff(a.err, diff, "allows")
			}
			if !dry {
				if err := a.agree(diff); err != nil {
					return err
				}
				// What was shown is what is put in force, or nothing.
				r, err = c.Policy.Apply(ctx, &warrenv1.ApplyPolicyRequest{Policy: text, IfRevision: diff.GetRevision()})
				if err != nil {
					return named(args[0], err)
				}
			}
			word := "is in force"
			if dry {
				word = "would be in force"
			}
			return a.policyResult(args[0], word, r, false)
		}),
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "check and test only")
	cmd.Flags().Uint64Var(&revision, "if-revision", 0, "only if the policy in force still has this revision")
	return cmd
}

// agree asks before a policy that changes what is allowed. Where nobody can be
// asked, whoever wrote the command has decided.
func (a *app) agree(diff *warrenv1.CompareResponse) error {
	if len(diff.GetAllowed())+len(diff.GetDenied()) == 0 || !a.interactive() {
		return nil
	}
	return a.confirm("Put it in force?")
}

// named puts the file's name before what is wrong in it.
func named(file string, err error) error {
	if fault.KindOf(err) != fault.Invalid {
		return err
	}
	f := fault.Of(err)
	out := fault.New(fault.Invalid, "%s: %w", file, err)
	switch {
	case f.Hint != "":
		return out.Try("%s", f.Hint)
	case file == "-":
		return out.Try("the same with that mended")
	}
	return out.Try("mend it, then warren policy check %s", file)
}

func (a *app) policyResult(file, word string, r *warrenv1.ApplyPolicyResponse, alone bool) error {
	if a.json {
		return a.printJSON(struct {
			OK       bool     `json:"ok"`
			Revision uint64   `json:"revision"`
			Notes    []string `json:"notes"`
			Tested   bool     `json:"tested"`
		}{true, r.GetRevision(), nonNil(r.GetNotes()), !alone})
	}
	for _, n := range r.GetNotes() {
		a.say("note: %s", printable(n))
	}
	if alone {
		a.say("%s reads well; its tests need a running node.", file)
		return nil
	}
	a.say("%s %s (revision %d).", file, word, r.GetRevision())
	return nil
}

// maxPolicy is what a policy file may have at most: it must fit into one
// command, with its signature.
const maxPolicy = 896 << 10

func readPolicy(a *app, file string) ([]byte, error) {
	var r io.Reader = a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, unread(file, err)
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxPolicy+1))
	if err != nil {
		return nil, unread(file, err)
	}
	if len(text) > maxPolicy {
		return nil, fault.New(fault.Invalid, "policy file %s is larger than %s", file, size(maxPolicy)).Try("groups and tags in place of names")
	}
	return text, nil
}
