package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

type pendingJSON struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Role   string            `json:"role"`
	Phrase string            `json:"phrase"`
	From   string            `json:"from"`
	Facts  map[string]string `json:"facts"`
	Invite string            `json:"invite"`
	// What the record will say.
	Tags      []string `json:"tags"`
	Site      string   `json:"site"`
	Customer  string   `json:"customer"`
	Ownership string   `json:"ownership"`
	Inviter   string   `json:"inviter"`
	Warnings  []string `json:"warnings"`
}

func newPending(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "pending",
		Short:   "List machines that wait for approval",
		Example: "  warren pending\n  warren pending --json",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Invites.Pending(ctx, &warrenv1.PendingRequest{})
			if err != nil {
				return err
			}
			if a.json {
				out := []pendingJSON{}
				for _, p := range r.GetPending() {
					facts := p.GetFacts()
					if facts == nil {
						facts = map[string]string{}
					}
					out = append(out, pendingJSON{
						ID: p.GetId(), Name: p.GetName(), Role: p.GetRole(), Phrase: p.GetPhrase(), From: p.GetFrom(),
						Facts: facts, Invite: p.GetInvite(), Tags: nonNil(p.GetTags()), Site: p.GetSite(), Customer: p.GetCustomer(),
						Ownership: p.GetOwnership(), Inviter: p.GetInviter(), Warnings: nonNil(p.GetWarnings()),
					})
				}
				return a.printJSON(out)
			}
			if len(r.GetPending()) == 0 {
				a.say("Nobody waits.")
				return nil
			}
			for _, p := range r.GetPending() {
				a.printClaim(p)
			}
			return nil
		}),
	}
}

func (a *app) printClaim(p *warrenv1.PendingClaim) {
	fmt.Fprintf(a.out, "%s  %s, wants to be a %s\n", p.GetId(), printable(p.GetName()), p.GetRole())
	fmt.Fprintf(a.out, "  phrase  %s\n", p.GetPhrase())
	fmt.Fprintf(a.out, "  from    %s, by invite %s of %s\n", printable(p.GetFrom()), p.GetInvite(), printable(p.GetInviter()))
	fmt.Fprintf(a.out, "  becomes %s\n", printable(record(p)))
	var facts []string
	for _, k := range slices.Sorted(maps.Keys(p.GetFacts())) {
		facts = append(facts, printable(k+"="+p.GetFacts()[k]))
	}
	fmt.Fprintf(a.out, "  says    %s\n", strings.Join(facts, " "))
	for _, w := range p.GetWarnings() {
		fmt.Fprintf(a.out, "  warning %s\n", printable(w))
	}
}

// record is what will be signed of a claim beside its name and role.
func record(p *warrenv1.PendingClaim) string {
	words := []string{p.GetOwnership()}
	if len(p.GetTags()) > 0 {
		words = append(words, "tags "+strings.Join(p.GetTags(), ","))
	}
	if p.GetSite() != "" {
		words = append(words, "site "+p.GetSite())
	}
	if p.GetCustomer() != "" {
		words = append(words, "customer "+p.GetCustomer())
	}
	return strings.Join(words, ", ")
}

func newApprove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "approve ID",
		Short: "Let a waiting machine in",
		Long: `Let a waiting machine in. Read the six words to whoever sits at it: they must
stand on both screens alike.`,
		Example: "  warren approve 1a2b3c4d\n  warren approve web-1 --yes",
		Args:    exactArgs("ID"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			claim, err := findClaim(ctx, c.Invites.Pending, args[0])
			if err != nil {
				return err
			}
			if !a.yes {
				a.printClaim(claim)
				if err := a.confirm("Do the six words stand on its screen too?"); err != nil {
					return err
				}
			}
			r, err := c.Invites.Approve(ctx, &warrenv1.ApproveRequest{Id: claim.GetId(), Shown: claim.GetShown()})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					ID        string   `json:"id"`
					Name      string   `json:"name"`
					Addresses []string `json:"addresses"`
				}{r.GetId(), r.GetName(), nonNil(r.GetAddresses())})
			}
			a.say("%s is in the mesh: %s", printable(r.GetName()), strings.Join(r.GetAddresses(), ", "))
			return nil
		}),
	}
}

func newReject(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "reject ID",
		Short:   "Turn a waiting machine away",
		Example: "  warren reject 1a2b3c4d",
		Args:    exactArgs("ID"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			r, err := c.Invites.Reject(ctx, &warrenv1.RejectRequest{Id: args[0]})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"id": r.GetId(), "name": r.GetName()})
			}
			a.say("%s is turned away.", printable(r.GetName()))
			return nil
		}),
	}
}

type pendingCall func(context.Context, *warrenv1.PendingRequest) (*warrenv1.PendingResponse, error)

// findClaim finds the one claim that word names: an id prefix or a name.
func findClaim(ctx context.Context, pending pendingCall, word string) (*warrenv1.PendingClaim, error) {
	r, err := pending(ctx, &warrenv1.PendingRequest{})
	if err != nil {
		return nil, err
	}
	var found []*warrenv1.PendingClaim
	for _, p := range r.GetPending() {
		if p.GetName() == word || (len(word) >= 8 && strings.HasPrefix(p.GetId(), strings.ToLower(word))) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return nil, fault.New(fault.NotFound, "nobody waits under the name or id %q", word).Try("warren pending")
	case 1:
		return found[0], nil
	}
	return nil, fault.New(fault.Conflict, "%d machines wait under %q", len(found), word).Try("warren pending, and the full id")
}
