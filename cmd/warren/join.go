package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
)

type joinJSON struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Role   string `json:"role"`
	Mesh   string `json:"mesh"`
	MeshID string `json:"mesh_id"`
	State  string `json:"state"` // "joined" or "pending"
	Phrase string `json:"phrase"`
}

func newJoin(a *app) *cobra.Command {
	var name string
	var noWait bool
	cmd := &cobra.Command{
		Use:   "join LINK",
		Short: "Join a mesh by an invite link",
		Long: `Join a mesh by an invite link. Shows which mesh it is, who invites and what
others will see of this machine, and asks. Then waits until somebody there has
compared the six words and approved. Run the node afterwards: warren up.`,
		Example: "  warren join 'https://hq.example.org:41820/j#w1.…'\n  warren join --name web-1 --yes \"$LINK\"",
		Args:    exactArgs("LINK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			h := home.At(d)
			link, err := enrol.ParseLink(args[0])
			if err != nil {
				return err
			}
			release, err := lockNew(d)
			if err != nil {
				return err
			}
			defer release()
			m, err := h.Member()
			switch {
			case err == nil && m.Pending != nil && m.Mesh == link.Mesh.String() && string(m.Pending.Invite) == string(link.ID[:]):
				a.say("This machine has used the link and waits for approval.")
			case err == nil || errors.Is(err, fs.ErrNotExist):
				if m, err = a.apply(cmd.Context(), h, args[0], name); err != nil {
					return err
				}
			default:
				return err
			}
			return a.wait(cmd.Context(), h, m, noWait)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of this machine in the mesh (default: its host name)")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return at once; warren up finishes when the machine is approved")
	return cmd
}

// apply shows what the link leads to, asks, and hands the claim in.
func (a *app) apply(ctx context.Context, h home.Home, text, name string) (home.Member, error) {
	link, err := enrol.ParseLink(text)
	if err != nil {
		return home.Member{}, err
	}
	app, err := enrol.Greet(ctx, h, link)
	if err != nil {
		return home.Member{}, err
	}
	defer app.Close()
	if name == "" {
		name = hostName()
	}
	inv := app.Invite
	role := inv.Role
	if inv.Admin {
		role += " with the admin role"
	}
	a.say("Mesh       %s (%.8s)", printable(app.Mesh.Name()), app.Mesh.Mesh())
	a.say("Invited by %s", printable(inv.Inviter))
	a.say("This is    %s, to be a %s", name, role)
	if len(inv.Tags) > 0 {
		a.say("Tags       %s", printable(strings.Join(inv.Tags, ", ")))
	}
	if inv.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD {
		a.say("Ownership  stays yours: no terminals, no files; your screen when you agree, each time")
		a.say("Seen       name, system, version, addresses; never files or other programs")
	} else {
		a.say("Ownership  managed: who the policy names may open terminals, see and use the screen")
		a.say("Seen       name, system, version, addresses")
	}
	if err := a.confirm("Join?"); err != nil {
		return home.Member{}, err
	}
	return app.Claim(ctx, name, facts(), platform.CallerUID(), time.Now())
}

// wait holds on until the claim is decided, unless told not to.
func (a *app) wait(ctx context.Context, h home.Home, m home.Member, noWait bool) error {
	key, err := h.NodeKey()
	if err != nil {
		return err
	}
	out := joinJSON{ID: key.ID().String(), Name: m.Name, Role: m.Role, Mesh: m.MeshName, MeshID: m.Mesh, State: "pending"}
	if m.Pending != nil && m.Pending.Approval {
		out.Phrase = m.Pending.Phrase
		a.say("Waiting for approval. The approver must see these words:")
		a.say("")
		a.say("    %s", m.Pending.Phrase)
		a.say("")
	}
	if !noWait || m.Pending == nil || !m.Pending.Approval {
		ctx, stop := untilSignal(ctx)
		defer stop()
		if m, err = enrol.Await(ctx, h); err != nil {
			if ctx.Err() != nil {
				return fault.New(fault.Unavailable, "stopped waiting; the claim stands").Try("warren up, or the same again")
			}
			return err
		}
		out.Name, out.Role, out.State = m.Name, m.Role, "joined"
	}
	if a.json {
		return a.printJSON(out)
	}
	if out.State == "joined" {
		a.say("Joined mesh %s as %s. Next: %s up", printable(m.MeshName), m.Name, a.self())
	} else {
		a.say("Next: %s up; it finishes when somebody approves.", a.self())
	}
	return nil
}

// facts are what an approver is shown of this machine.
func facts() map[string]string {
	f := map[string]string{"os": runtime.GOOS, "arch": runtime.GOARCH, "version": version}
	if h, err := os.Hostname(); err == nil {
		f["hostname"] = h
	}
	if u, err := user.LookupId(fmt.Sprint(platform.CallerUID())); err == nil {
		f["user"] = u.Username
	}
	if name := platform.SystemName(); name != "" {
		f["system"] = name
	}
	for k, v := range f {
		if len(v) > 256 {
			f[k] = v[:256]
		}
	}
	return f
}
