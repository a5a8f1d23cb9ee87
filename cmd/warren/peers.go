package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
)

type pathJSON struct {
	Kind     string  `json:"kind"`
	Via      string  `json:"via"`
	Endpoint string  `json:"endpoint"`
	RTT      float64 `json:"rtt_ms"`
	Since    string  `json:"since"`
	Reason   string  `json:"reason,omitempty"`
}

type peerJSON struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Role      string   `json:"role"`
	Addresses []string `json:"addresses"`
	Online    bool     `json:"online"`
	Path      pathJSON `json:"path"`
	RxBytes   uint64   `json:"rx_bytes"`
	TxBytes   uint64   `json:"tx_bytes"`
	Since     string   `json:"since"`
}

func newPeers(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "peers",
		Short:   "List the machines this one may meet, and how each is reached",
		Example: "  warren peers\n  warren peers --json",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Node.Peers(ctx, &warrenv1.PeersRequest{})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(peersOf(r))
			}
			var rows [][]string
			for _, p := range r.GetPeers() {
				rows = append(rows, []string{
					p.GetName(), p.GetRole(), shortest(p.GetAddresses()), onlineWord(p.GetOnline()),
					pathWords(p.GetPath()), size(p.GetRxBytes()) + " / " + size(p.GetTxBytes()),
				})
			}
			if len(rows) == 0 {
				a.say("No peers yet. Invite a machine: warren invite")
				return nil
			}
			return a.table([]string{"NAME", "ROLE", "ADDRESS", "STATE", "PATH", "RECEIVED / SENT"}, rows)
		}),
	}
}

func peersOf(r *warrenv1.PeersResponse) []peerJSON {
	out := []peerJSON{}
	for _, p := range r.GetPeers() {
		out = append(out, peerJSON{
			ID: p.GetId(), Name: p.GetName(), Role: p.GetRole(), Addresses: nonNil(p.GetAddresses()),
			Online: p.GetOnline(), Path: pathOf(p.GetPath()), RxBytes: p.GetRxBytes(), TxBytes: p.GetTxBytes(), Since: stamp(millis(p.GetSince())),
		})
	}
	return out
}

func pathOf(p *warrenv1.Path) pathJSON {
	out := pathJSON{Kind: p.GetKind(), Via: p.GetVia(), Endpoint: p.GetEndpoint(), RTT: p.GetRttMs(), Reason: p.GetReason()}
	if out.Kind == "" {
		out.Kind = "none"
	}
	out.Since = stamp(millis(p.GetSince()))
	return out
}

// pathWords says how a peer is reached, or why it is not.
func pathWords(p *warrenv1.Path) string {
	switch {
	case p.GetKind() == "" || p.GetKind() == "none":
		if p.GetReason() != "" {
			return "none: " + p.GetReason()
		}
		return "none"
	case p.GetVia() != "":
		return fmt.Sprintf("%s via %s, %.1f ms", p.GetKind(), p.GetVia(), p.GetRttMs())
	}
	return fmt.Sprintf("%s %s, %.1f ms", p.GetKind(), p.GetEndpoint(), p.GetRttMs())
}

func onlineWord(online bool) string {
	if online {
		return "online"
	}
	return "offline"
}

// shortest is the address that a line of a table has room for: the IPv4 one.
func shortest(list []string) string {
	out := "-"
	for i, one := range list {
		if i == 0 || len(one) < len(out) {
			out = one
		}
	}
	return out
}

// size writes bytes as people read them.
func size(n uint64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
