package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"warren/node/fault"
	"warren/node/platform"
	"warren/node/platform/service"
)

type installJSON struct {
	Unit    string `json:"unit"`
	Changed bool   `json:"changed"`
	Started bool   `json:"started"`
	DryRun  bool   `json:"dry_run"`
	Text    string `json:"text"`
}

func newInstall(a *app) *cobra.Command {
	var now, dry bool
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Run this machine's node as a service of systemd",
		Long: `Run this machine's node as a service of systemd: write a unit, enable it, and
with --now start it. The options of up stand in warren.yaml in the state
folder.`,
		Example: "  sudo warren install --now\n  warren install --dry-run",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.serviceDir()
			if err != nil {
				return err
			}
			program, err := os.Executable()
			if err == nil {
				program, err = filepath.EvalSymlinks(program)
			}
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			out := installJSON{Unit: service.File, DryRun: dry, Text: service.Unit(program, d)}
			if dry {
				if a.json {
					return a.printJSON(out)
				}
				_, err := fmt.Fprint(a.out, out.Text)
				return err
			}
			if err := service.Ready("install"); err != nil {
				return err
			}
			if service.Carried(program, d) {
				out.Unit, out.Text = service.PackageFile, service.PackageUnit()
			}
			// A node that was started by hand holds the ports and the folder.
			if now && d.Answers() && !service.Active(cmd.Context()) {
				return fault.New(fault.Conflict, "a warren node runs on state folder %s already", d).Try("warren down, then warren install --now")
			}
			if out.Changed, err = service.Install(cmd.Context(), program, d, now); err != nil {
				return err
			}
			out.Started = service.Active(cmd.Context())
			if a.json {
				return a.printJSON(out)
			}
			a.installed(d, out, now)
			return nil
		},
	}
	cmd.Flags().BoolVar(&now, "now", false, "start it now as well")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print the unit only")
	return cmd
}

// serviceDir is the state folder of the service: the system's, unless --state
// or $WARREN_STATE says otherwise.
func (a *app) serviceDir() (platform.Dir, error) {
	if a.state == "" && os.Getenv("WARREN_STATE") == "" {
		return platform.SystemDir(), nil
	}
	return a.dir()
}

func (a *app) installed(d platform.Dir, out installJSON, now bool) {
	word := "is there already"
	if out.Changed {
		word = "is written"
	}
	a.say("%s %s and starts at boot.", out.Unit, word)
	_, err := os.Stat(d.Path("member"))
	switch {
	case out.Started:
		a.say("The node runs. See how it is: warren status, journalctl -u warren")
	case err != nil:
		a.say("This machine is in no mesh yet: warren init --name MESH, or warren join LINK; then systemctl start warren")
	case !now:
		a.say("Start it now: systemctl start warren")
	}
}

func newUninstall(a *app) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:     "uninstall",
		Short:   "Stop the service and remove its unit",
		Long:    "Stop the service and remove its unit. The machine stays a member, and its state\nfolder stays as it is; warren leave takes it out of the mesh.",
		Example: "  sudo warren uninstall",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := service.Ready("uninstall"); err != nil {
				return err
			}
			there, err := service.Installed()
			if err != nil {
				return err
			}
			if !there {
				return fault.New(fault.NotFound, "no warren service is installed").Try("warren install")
			}
			if !dry {
				if err := a.confirm("Stop the node and remove its service? Terminals that are open here end."); err != nil {
					return err
				}
				if err := service.Uninstall(cmd.Context()); err != nil {
					return err
				}
			}
			if a.json {
				return a.printJSON(struct {
					Unit   string `json:"unit"`
					DryRun bool   `json:"dry_run"`
				}{service.File, dry})
			}
			word := "is"
			if dry {
				word = "would be"
			}
			a.say("The service %s stopped and %s removed. The state folder stays.", word, service.File)
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done only")
	return cmd
}
