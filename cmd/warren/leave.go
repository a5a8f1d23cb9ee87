package main

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"warren/node/fault"
	"warren/node/home"
)

type leftJSON struct {
	Mesh   string `json:"mesh"`
	State  string `json:"state"`
	DryRun bool   `json:"dry_run"`
}

func newLeave(a *app) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Leave the mesh and delete this machine's keys",
		Long: `Leave the mesh and delete this machine's keys. Works without a connection; a
running node tells the others first, as far as it reaches them.`,
		Example: "  warren leave\n  warren leave --dry-run",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			h := home.At(d)
			m, err := h.Member()
			if errors.Is(err, fs.ErrNotExist) {
				if _, kerr := h.NodeKey(); errors.Is(kerr, fs.ErrNotExist) {
					return fault.New(fault.NotFound, "this machine is in no mesh").Try("--state DIR, where another node lives")
				}
			}
			if !dry {
				if err := a.confirm("Leave mesh " + printable(m.MeshName) + " and delete its keys here?"); err != nil {
					return err
				}
				release, err := stopNode(cmd.Context(), d, true)
				if err != nil {
					return err
				}
				defer release()
				if err := h.Leave(); err != nil {
					return err
				}
			}
			switch {
			case a.json:
				return a.printJSON(leftJSON{Mesh: m.MeshName, State: string(d), DryRun: dry})
			case dry:
				a.say("Would leave mesh %s and delete the keys in %s.", printable(m.MeshName), d)
			default:
				a.say("Left. The keys in %s are gone.", d)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would go, change nothing")
	return cmd
}
