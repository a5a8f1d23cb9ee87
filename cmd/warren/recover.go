package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/rescue"
)

func newControllersRecover(a *app) *cobra.Command {
	var recovery string
	var dry bool
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Let the last controller go on alone, when most are lost for good",
		Long: `Let one surviving controller go on alone when most are lost for good. Run it on
the one whose log is the newest (warren status shows the revision), with its
node stopped. It keeps everything in its log and becomes the only one that
votes; the others lose their right to order. Should one of them come back, it
must not be started as it is: warren leave there, then join anew.`,
		Example: "  warren down\n  warren controllers recover\n  warren up",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			if _, err := home.At(d).Member(); errors.Is(err, fs.ErrNotExist) {
				return fault.New(fault.NotFound, "this machine is in no mesh").Because("no-mesh").Try("--state DIR, the folder of a controller")
			}
			release, err := platform.Lock(d)
			if err != nil {
				return err
			}
			defer release()
			key, err := recoveryKey(recovery)
			if err != nil {
				return err
			}
			r, err := rescue.Survivor(home.At(d))
			if err != nil {
				return err
			}
			name := printable(r.Name)
			if !a.json {
				for _, name := range r.Removed() {
					a.say("%s loses its right to order.", printable(name))
				}
			}
			if !dry {
				if err := a.confirm(fmt.Sprintf("Is %s to go on as the only controller of %s? Only if the others are lost for good.", name, printable(r.Mesh))); err != nil {
					return err
				}
				if err := r.Run(key, slog.New(slog.DiscardHandler)); err != nil {
					return err
				}
			}
			return a.rescued(r.Mesh, r.Name, r.Removed(), dry, "recovered")
		},
	}
	cmd.Flags().StringVar(&recovery, "recovery-key", "", "file with the mesh's recovery key, where no admin's key is on this machine")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would happen, change nothing")
	return cmd
}

// rescued says what became of the mesh, and what is left to do.
func (a *app) rescued(mesh, name string, removed []string, dry bool, word string) error {
	if a.json {
		return a.printJSON(struct {
			Mesh    string   `json:"mesh"`
			Node    string   `json:"node"`
			Removed []string `json:"removed"`
			DryRun  bool     `json:"dry_run"`
		}{mesh, name, nonNil(removed), dry})
	}
	if dry {
		a.say("%s would be %s as the only controller of %s.", printable(name), word, printable(mesh))
		return nil
	}
	a.say("%s is %s as the only controller of %s.", printable(name), word, printable(mesh))
	a.say("Next: warren up")
	if len(removed) > 0 {
		a.say("Do not start %s again as they are: warren leave there, then join with a new link.", printable(strings.Join(removed, ", ")))
	}
	return nil
}

func recoveryKey(file string) (ed25519.PrivateKey, error) {
	if file == "" {
		return nil, nil
	}
	text, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	return home.ReadRecoveryKey(text)
}
