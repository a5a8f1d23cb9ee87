package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

type inviteJSON struct {
	ID      string `json:"id"`
	Link    string `json:"link"`
	Expires string `json:"expires"`
}

func newInvite(a *app) *cobra.Command {
	req := &warrenv1.CreateInviteRequest{}
	var expires time.Duration
	var qr bool
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Make a link by which a machine or a person joins",
		Long: `Make a link by which a machine or a person joins. The link works once and for
an hour unless told otherwise, and whoever uses it waits for approval: compare
the six words on both screens, then warren approve.`,
		Example: "  warren invite\n  warren invite --role technician --expires 24h\n  warren invite --no-approval --tag server --uses 10",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			if expires <= 0 {
				return fault.New(fault.Invalid, "--expires %s is not in the future", expires).Try("--expires 1h")
			}
			req.Expires = int64(expires / time.Second)
			r, err := c.Invites.Create(ctx, req)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(inviteJSON{ID: r.GetId(), Link: r.GetLink(), Expires: stamp(seconds(r.GetExpires()))})
			}
			if qr {
				if err := printQR(a.err, r.GetLink()); err != nil {
					return err
				}
			}
			a.say("On the machine that joins: warren join LINK   (invite %s, until %s)", r.GetId(), clock(seconds(r.GetExpires())))
			_, err = fmt.Fprintln(a.out, r.GetLink())
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&req.Role, "role", "device", "device, gateway, controller or technician")
	f.BoolVar(&req.OwnerDevice, "owner-device", false, "a private machine (BYOD): its owner keeps the say")
	f.StringSliceVar(&req.Tags, "tag", nil, "tag the machine gets; repeat for more")
	f.StringVar(&req.Site, "site", "", "site the machine belongs to")
	f.StringVar(&req.Customer, "customer", "", "customer the machine belongs to")
	f.Uint32Var(&req.Uses, "uses", 1, "how many machines may use the link")
	f.DurationVar(&expires, "expires", time.Hour, "how long the link works, at most 168h")
	f.BoolVar(&req.NoApproval, "no-approval", false, "let plain devices in without asking")
	f.BoolVar(&req.Admin, "admin", false, "with --role technician: an admin")
	f.BoolVar(&qr, "qr", false, "show the link as a QR code too")
	return cmd
}

type inviteInfoJSON struct {
	ID        string   `json:"id"`
	State     string   `json:"state"`
	Role      string   `json:"role"`
	Admin     bool     `json:"admin"`
	Inviter   string   `json:"inviter"`
	Tags      []string `json:"tags"`
	Site      string   `json:"site"`
	Customer  string   `json:"customer"`
	Ownership string   `json:"ownership"`
	Uses      uint32   `json:"uses"`
	Used      uint32   `json:"used"`
	Expires   string   `json:"expires"`
	Approval  bool     `json:"approval"`
}

func newInvites(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "invites",
		Short:   "List invites",
		Example: "  warren invites\n  warren invites revoke 1a2b3c4d5e6f7a8b",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Invites.List(ctx, &warrenv1.ListInvitesRequest{})
			if err != nil {
				return err
			}
			out := []inviteInfoJSON{}
			var rows [][]string
			for _, i := range r.GetInvites() {
				out = append(out, inviteInfoJSON{
					ID: i.GetId(), State: i.GetState(), Role: i.GetRole(), Admin: i.GetAdmin(), Inviter: i.GetInviter(),
					Tags: nonNil(i.GetTags()), Site: i.GetSite(), Customer: i.GetCustomer(), Ownership: i.GetOwnership(),
					Uses: i.GetUses(), Used: i.GetUsed(), Expires: stamp(seconds(i.GetExpires())), Approval: i.GetApproval(),
				})
				rows = append(rows, []string{
					i.GetId(), i.GetState(), i.GetRole(), i.GetInviter(), fmt.Sprintf("%d of %d", i.GetUsed(), i.GetUses()),
					clock(seconds(i.GetExpires())),
				})
			}
			if a.json {
				return a.printJSON(out)
			}
			if len(rows) == 0 {
				a.say("No invites. Make one: warren invite")
				return nil
			}
			return a.table([]string{"ID", "STATE", "ROLE", "INVITED BY", "USED", "EXPIRES"}, rows)
		}),
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "revoke ID",
		Short:   "Make an invite worthless",
		Example: "  warren invites revoke 1a2b3c4d5e6f7a8b",
		Args:    exactArgs("ID"),
		RunE: a.asking(func(ctx context.Context, c *client.Local, args []string) error {
			r, err := c.Invites.Revoke(ctx, &warrenv1.RevokeInviteRequest{Id: args[0]})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"id": r.GetId(), "state": "revoked"})
			}
			a.say("Invite %s is revoked.", r.GetId())
			return nil
		}),
	})
	return cmd
}
