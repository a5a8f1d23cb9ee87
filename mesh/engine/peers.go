package engine

import (
	"net/netip"
	"slices"
	"time"

	"tailscale.com/ipn/ipnstate"

	"warren/mesh/identity"
)

// Kind is how packets to a peer travel; the words are those of
// "warren peers".
type Kind string

const (
	KindLAN       Kind = "lan" // on a prefix that is on-link here, or loopback
	KindDirect6   Kind = "direct-v6"
	KindDirect4   Kind = "direct-v4"
	KindMemberUDP Kind = "member-udp"
	KindMemberTLS Kind = "member-tls"
	KindNone      Kind = "none"
)

// PeerStatus is what the tunnel to one peer has done.
type PeerStatus struct {
	ID               identity.NodeID
	RxBytes, TxBytes uint64
	LastHandshake    time.Time
	// Seen is the last proof of life: a handshake, a ping, an answer. Who is
	// not spoken with is not seen; presence is for gossip to tell.
	Seen time.Time
	// Endpoint is where packets are sent, invalid when there is no path. It
	// is as fresh as Seen: an idle path is not looked after.
	Endpoint netip.AddrPort
}

// Peers tells about every configured peer, in the order of their ids.
func (e *Engine) Peers() []PeerStatus {
	sb := &ipnstate.StatusBuilder{WantPeers: true}
	e.wg.UpdateStatus(sb)
	st := sb.Status()
	v := e.view.Load()
	out := make([]PeerStatus, 0, len(v.byID))
	for id, p := range v.byID {
		ps := PeerStatus{ID: id, Seen: e.tunnels.lastSeen(p.key)}
		if s, ok := st.Peer[p.key]; ok {
			ps.RxBytes, ps.TxBytes = uint64(s.RxBytes), uint64(s.TxBytes)
			ps.LastHandshake = s.LastHandshake
			if ps.Seen.Before(ps.LastHandshake) {
				ps.Seen = ps.LastHandshake
			}
			ps.Endpoint, _ = netip.ParseAddrPort(s.CurAddr)
		}
		out = append(out, ps)
	}
	slices.SortFunc(out, func(a, b PeerStatus) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return out
}

// PathKind names the kind of path that ends at an underlay address.
func (e *Engine) PathKind(ep netip.AddrPort) Kind {
	a := ep.Addr().Unmap()
	switch {
	case !ep.IsValid() || ep.Port() == 0:
		return KindNone
	case a.IsLoopback() || a.IsLinkLocalUnicast() || e.onLink(a):
		return KindLAN
	case a.Is4():
		return KindDirect4
	default:
		return KindDirect6
	}
}

func (e *Engine) onLink(a netip.Addr) bool {
	st := e.monitor.InterfaceState()
	if st == nil {
		return false
	}
	for name, prefixes := range st.InterfaceIPs {
		if name == e.device && e.device != "" {
			continue
		}
		for _, p := range prefixes {
			if p.Contains(a) {
				return true
			}
		}
	}
	return false
}
