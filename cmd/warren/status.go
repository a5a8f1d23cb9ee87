package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
)

type nodeJSON struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Role      string   `json:"role"`
	Addresses []string `json:"addresses"`
}

type controllerJSON struct {
	Name      string `json:"name"`
	Voter     bool   `json:"voter"`
	Reachable bool   `json:"reachable"`
}

type statusJSON struct {
	Mesh          string           `json:"mesh"`
	MeshID        string           `json:"mesh_id"`
	Node          nodeJSON         `json:"node"`
	Ready         bool             `json:"ready"`
	Leader        string           `json:"leader"`
	Controllers   []controllerJSON `json:"controllers"`
	Revision      uint64           `json:"revision"`
	PeersOnline   uint32           `json:"peers_online"`
	PeersTotal    uint32           `json:"peers_total"`
	Warnings      []string         `json:"warnings"`
	PendingPhrase string           `json:"pending_phrase,omitempty"`
}

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show this machine's node and its mesh",
		Example: "  warren status\n  warren status --json",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			s, err := c.Node.Status(ctx, &warrenv1.StatusRequest{})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(statusOf(s))
			}
			return a.printStatus(s)
		}),
	}
}

func statusOf(s *warrenv1.StatusResponse) statusJSON {
	out := statusJSON{
		Mesh: s.GetMesh(), MeshID: s.GetMeshId(), Ready: s.GetReady(), Leader: s.GetLeader(),
		Node: nodeJSON{
			ID: s.GetNode().GetId(), Name: s.GetNode().GetName(), Role: s.GetNode().GetRole(),
			Addresses: nonNil(s.GetNode().GetAddresses()),
		},
		Controllers: []controllerJSON{}, Revision: s.GetRevision(),
		PeersOnline: s.GetPeersOnline(), PeersTotal: s.GetPeersTotal(),
		Warnings: nonNil(s.GetWarnings()), PendingPhrase: s.GetPendingPhrase(),
	}
	for _, c := range s.GetControllers() {
		out.Controllers = append(out.Controllers, controllerJSON{Name: c.GetName(), Voter: c.GetVoter(), Reachable: c.GetReachable()})
	}
	return out
}

func (a *app) printStatus(s *warrenv1.StatusResponse) error {
	n := s.GetNode()
	if s.GetMesh() == "" {
		_, err := fmt.Fprintln(a.out, "This machine is in no mesh yet; warren console gives the page that founds one.")
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s in mesh %s (%.8s)\n", printable(n.GetName()), printable(s.GetMesh()), s.GetMeshId())
	fmt.Fprintf(&b, "  role         %s\n", n.GetRole())
	fmt.Fprintf(&b, "  id           %s\n", n.GetId())
	fmt.Fprintf(&b, "  addresses    %s\n", strings.Join(n.GetAddresses(), ", "))
	if s.GetPendingPhrase() != "" {
		fmt.Fprintf(&b, "  waiting      for approval; this machine's phrase: %s\n", s.GetPendingPhrase())
	}
	ready := "yes"
	if !s.GetReady() {
		ready = "not yet"
	}
	fmt.Fprintf(&b, "  ready        %s\n", ready)
	leader := s.GetLeader()
	if leader == "" {
		leader = "none known"
	}
	fmt.Fprintf(&b, "  leader       %s\n", printable(leader))
	var names []string
	for _, c := range s.GetControllers() {
		word := "unreachable"
		if c.GetReachable() {
			word = "reachable"
		}
		if !c.GetVoter() {
			word += ", not voting"
		}
		names = append(names, fmt.Sprintf("%s (%s)", printable(c.GetName()), word))
	}
	fmt.Fprintf(&b, "  controllers  %s\n", strings.Join(names, ", "))
	fmt.Fprintf(&b, "  revision     %d\n", s.GetRevision())
	fmt.Fprintf(&b, "  peers        %d of %d online\n", s.GetPeersOnline(), s.GetPeersTotal())
	for _, w := range s.GetWarnings() {
		fmt.Fprintf(&b, "  warning      %s\n", printable(w))
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}
