//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"path/filepath"

	"warren/scripts/peer"
)

// The ends of a tunnel by wireguard-go, each a namespace on the internet.
const (
	wgA, wgB         = "wgA", "wgB"
	wgAddrA, wgAddrB = "10.99.0.1", "10.99.0.2"
	wgPort           = 51820
)

// wireguard sets up a tunnel beside the overlay, with the MTU given. It has
// namespaces of its own: one mesh's tunnel is not to run through the other.
func (t *teller) wireguard(mtu string) {
	place := t.internet()
	type end struct{ ns, addr, under, private, public string }
	ends := []*end{{ns: wgA, addr: wgAddrA}, {ns: wgB, addr: wgAddrB}}
	for _, e := range ends {
		t.namespace(e.ns)
		t.network.last++
		e.under = t.plug(e.ns, "eth0", place, t.network.last)
		var err error
		if e.private, e.public, err = peer.WireGuardKeys(t.ctx); err != nil {
			t.fail("%w", err)
		}
	}
	for i, e := range ends {
		other := ends[1-i]
		t.spawn(e.ns, filepath.Join(t.tools, "wireguard-go"), "-f", e.ns)
		t.until(readyTime, "wireguard-go is up in "+e.ns, func() bool {
			_, err := t.attempt("", "ip", "netns", "exec", e.ns, "wg", "show", e.ns)
			return err == nil
		})
		config := peer.WireGuardConfig(e.private, other.public, netip.MustParseAddr(other.addr),
			netip.AddrPortFrom(netip.MustParseAddr(other.under), wgPort))
		t.tool(config, "ip", "netns", "exec", e.ns, "wg", "setconf", e.ns, "/dev/stdin")
		t.ip("-n", e.ns, "addr", "add", e.addr+"/24", "dev", e.ns)
		t.ip("-n", e.ns, "link", "set", e.ns, "mtu", mtu, "up")
	}
	t.until(readyTime, "wireguard-go carries a ping", func() bool {
		_, err := t.attempt("", "ip", "netns", "exec", wgA, "ping", "-c", "1", "-W", "1", wgAddrB)
		return err == nil
	})
	t.say("wireguard-go is up beside the overlay, with an MTU of %s", mtu)
}

// overlayMTU is the MTU of a machine's tunnel device.
func (m *machine) overlayMTU() string {
	var mtu int
	text := m.t.in(m.name, "cat", "/sys/class/net/warren0/mtu")
	if _, err := fmt.Sscan(text, &mtu); err != nil {
		m.t.fail("mtu of %s: %w", m.name, err)
	}
	return fmt.Sprint(mtu)
}
