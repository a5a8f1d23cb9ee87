//go:build linux

package engine

import (
	"testing"
	"time"
)

// hears asks until p has heard n datagrams at its gossip port.
func (p *process) hears(n string) {
	p.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if got := p.do("heard", "heard "); got == "heard "+n {
			return
		} else if time.Now().After(deadline) {
			p.t.Fatalf("%s: %s datagrams, want %s", p.name, got, n)
		}
	}
}

// TestOnlyTheNodeSpeaksForItsMachine has another program of a member's machine
// try the ports that take the overlay address for the member's word.
func TestOnlyTheNodeSpeaksForItsMachine(t *testing.T) {
	bin := lab(t)
	nsA, nsB := namespace(t), namespace(t)
	wire(t, nsA, nsB)
	a := launch(t, bin, nsA, "a", "-port=4001", "-device=warren0", "-peers=b@192.0.2.2:4001")
	b := launch(t, bin, nsB, "b", "-port=4001", "-device=warren0", "-peers=a@192.0.2.1:4001")
	a.do("plain b", "plain hello") // other ports are the policy's
	a.do("own tcp b", "tcp hello")
	a.do("own udp b", "sent")
	b.hears("1")
	a.do("soon other tcp b", "error: ")
	a.do("other udp b", "sent")
	a.do("own udp b", "sent") // behind it
	b.hears("2")
	for range 50 { // one port for each, and none is given away twice
		a.do("own tcp b", "tcp hello")
	}
	b.do("own tcp a", "tcp hello")
	a.do("own tcp a", "tcp hello") // oneself
	a.do("own udp a", "sent")
	a.hears("1")
}

// TestNobodyInTheLANSpeaksForAMember sends to a member's overlay address from
// the network beside it, with another member's address as the source: Linux
// takes packets for any of its addresses from any interface.
func TestNobodyInTheLANSpeaksForAMember(t *testing.T) {
	bin := lab(t)
	for _, ghost := range []bool{false, true} {
		name := "tunnel"
		if ghost {
			name = "lan"
		}
		t.Run(name, func(t *testing.T) {
			nsA, nsB := namespace(t), namespace(t)
			wire(t, nsA, nsB)
			a := launch(t, bin, nsA, "a", "-port=4001", "-device=warren0", "-peers=c@192.0.2.2:4001")
			if !ghost {
				c := launch(t, bin, nsB, "c", "-port=4001", "-device=warren0", "-peers=a@192.0.2.1:4001")
				c.do("ping a", "pong")
				c.do("own udp a", "sent")
				a.hears("1")
				return
			}
			rogue := launch(t, bin, nsB, "rogue", "-port=4001", "-userspace")
			own, member := rogue.do("address a", ""), rogue.do("address c", "")
			ip(t, "-n", nsB, "addr", "add", member+"/128", "dev", "lo", "nodad")
			ip(t, "-n", nsB, "route", "add", own+"/128", "via", "2001:db8::1")
			// The link's own addresses take a second to be usable.
			heard := func() bool { return a.do("heard", "heard ") != "heard 0" }
			arrived := func() bool { rogue.do("forge udp a c", "sent"); return heard() || noPorts(t, nsA) > 0 }
			for deadline := time.Now().Add(10 * time.Second); !arrived(); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("no datagram arrived at all")
				}
			}
			if heard() {
				t.Error("a datagram that came by no tunnel was taken for member c's")
			}
		})
	}
}
