package main

import (
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
)

func newInit(a *app) *cobra.Command {
	var mesh, name, span string
	cmd := &cobra.Command{
		Use:   "init --name MESH",
		Short: "Found a mesh on this machine",
		Long: `Found a mesh on this machine. It becomes the first controller, and you its
first technician, "owner", with the admin role. The recovery key is written to
recovery.txt in the state folder: move it off this machine.`,
		Example: "  warren init --name home\n  warren init --name acme --node hq-1",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if mesh == "" {
				return fault.New(fault.Invalid, "the mesh needs a name").Try("warren init --name MESH")
			}
			d, err := a.dir()
			if err != nil {
				return err
			}
			f := enrol.Founding{Mesh: mesh, Node: name, UID: platform.CallerUID(), Now: time.Now()}
			if f.Node == "" {
				f.Node = hostName()
			}
			if span != "" {
				if f.Range, err = netip.ParsePrefix(span); err != nil {
					return fault.New(fault.Invalid, "--range takes no %q", span).Try("--range 10.77.0.0/16")
				}
				if err := enrol.CheckRange(f.Range); err != nil {
					return err
				}
			}
			release, err := lockNew(d)
			if err != nil {
				return err
			}
			defer release()
			m, err := enrol.Found(home.At(d), f)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{
					"mesh": m.MeshName, "mesh_id": m.Mesh, "node": m.Name, "technician": enrol.Owner, "recovery": d.Recovery(),
				})
			}
			a.say("Mesh %s is founded; this machine is its controller %s, and you are %s.", m.MeshName, m.Name, enrol.Owner)
			a.say("Recovery key: %s. Move it off this machine: whoever has it owns the mesh.", d.Recovery())
			a.say("One admin alone can do everything until there are more: %s invite --role technician --admin", a.self())
			a.say("Next: %s up", a.self())
			return nil
		},
	}
	cmd.Flags().StringVar(&mesh, "name", "", "name of the mesh: letters, digits and dashes")
	cmd.Flags().StringVar(&name, "node", "", "name of this machine in it (default: its host name)")
	cmd.Flags().StringVar(&span, "range", "", "overlay IPv4 range (default: one that this machine does not use)")
	return cmd
}

// lockNew makes the state folder and locks it against other processes.
func lockNew(d platform.Dir) (func(), error) {
	if err := d.Create(); err != nil {
		return nil, err
	}
	return platform.Lock(d)
}

// hostName is this machine's host name in the form device names have.
func hostName() string {
	h, err := os.Hostname()
	if err != nil {
		h = ""
	}
	h, _, _ = strings.Cut(strings.ToLower(h), ".")
	h = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '-'
	}, h)
	h = strings.Trim(h, "-")
	if len(h) > 63 {
		h = strings.Trim(h[:63], "-")
	}
	if h == "" {
		return "node"
	}
	return h
}
