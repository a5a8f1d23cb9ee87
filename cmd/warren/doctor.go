package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/care"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/platform"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with this node, and say what to do",
		Long: `Look for what is wrong with this machine's node, and say what to do. With a
running node it looks at the mesh as well, without one at the machine alone.
It ends with 0 where all is well and with 1 where something is wrong.`,
		Example: "  warren doctor\n  warren doctor --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.dir()
			if err != nil {
				return err
			}
			list := examine(cmd.Context(), d)
			if a.json {
				err = a.printJSON(list)
			} else {
				err = a.printFindings(list)
			}
			if err != nil {
				return err
			}
			return verdict(list)
		},
	}
}

// nodeWait bounds how long the node may look around.
const nodeWait = 8 * time.Second

// examine is what machine and node tell.
func examine(ctx context.Context, d platform.Dir) []care.Finding {
	ctx, cancel := context.WithTimeout(ctx, nodeWait)
	defer cancel()
	c := client.NewLocal(d)
	defer c.Close()
	r, err := c.Care.Examine(ctx, &warrenv1.ExamineRequest{})
	var running *platform.Config
	if err == nil {
		running = &platform.Config{Listen: r.GetListen(), Loopback: r.GetLoopback(), Tun: r.GetTun(), Public: r.GetPublic()}
	} else if fault.Of(err).Reason != "not-running" {
		up, _ := platform.ReadConfig(d.Config())
		running = &up
	}
	node := care.Finding{Check: "node", OK: true, Detail: "runs"}
	switch {
	case err == nil && r.GetListen() != "":
		node.Detail = "runs, on UDP and TCP " + strings.TrimPrefix(r.GetListen(), ":")
	case fault.KindOf(err) == fault.Denied && running != nil:
		node.Detail, node.Hint = "runs; what it sees is not for this user", "as root, or as the technician who joined here"
	case err != nil:
		f := fault.Of(err)
		node = care.Finding{Check: "node", Detail: f.Message, Hint: f.Hint}
	}
	list := append([]care.Finding{node}, care.Examine(ctx, d, running)...)
	for _, f := range r.GetFindings() {
		list = append(list, care.Finding{Check: f.GetCheck(), OK: f.GetOk(), Detail: f.GetDetail(), Hint: f.GetHint()})
	}
	return list
}

// printFindings shows what is wrong where it stands, with what to do below it.
func (a *app) printFindings(list []care.Finding) error {
	var rows [][]string
	for _, f := range list {
		mark := "ok"
		if !f.OK {
			mark = "WRONG"
		}
		rows = append(rows, []string{mark, f.Check, f.Detail})
		if f.Hint != "" {
			rows = append(rows, []string{"", "", "try: " + f.Hint})
		}
	}
	return writeLines(a.out, layOut(rows, columns(a.out)))
}

func verdict(list []care.Finding) error {
	var bad []string
	for _, f := range list {
		if !f.OK {
			bad = append(bad, f.Check)
		}
	}
	if bad == nil {
		return nil
	}
	return fault.New(fault.Internal, "something is wrong with: %s", strings.Join(bad, ", ")).Try("what stands below each of them")
}
