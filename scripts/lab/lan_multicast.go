//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"warren/mesh/lan"
)

// lanMulticast is a branch office after a power cut: the internet is down, no
// controller is there, and the router has given everybody another address.
func lanMulticast() story {
	return story{
		id: "lan-multicast", about: "no controller, and new addresses: two machines in one LAN find each other", limit: time.Minute, short: true,
		tell: func(t *teller) {
			c1 := t.found("c1")
			office := t.router("office", PortRestricted)
			t1 := t.technician(c1, "t1", office.lan)
			d1 := t.enrol(c1, "d1", office.lan)
			t1.up()
			d1.up()
			_, _ = t1.reaches("d1", 10*time.Second, "in the LAN", path.direct)
			c1.crash()

			t.say("without multicast they do not find each other again")
			again := func(without ...string) {
				for _, m := range []*machine{t1, d1} {
					m.stop()
					m.move(office.lan)
					m.deafTo(without...)
				}
				t1.up()
				d1.begin()
			}
			again(lan.Group4, lan.Group6)
			if p, ok := t1.ping("d1"); ok {
				t.fail("t1 reaches d1 with nobody to tell where it is: %s", p)
			}
			t.say("now they hear each other")
			t1.deafTo()
			d1.deafTo()
			_, took := t1.reaches("d1", 30*time.Second, "in the LAN", path.direct)
			t.bar("found_after_a_while", took, 15*time.Second)

			for _, c := range []struct{ version, other string }{{"ipv4", lan.Group6}, {"ipv6", lan.Group4}} {
				t.say("by %s alone", c.version)
				again(c.other)
				_, _ = t1.reaches("d1", 30*time.Second, "in the LAN", path.direct)
				t.bar("restart_to_pong_"+c.version, time.Since(d1.at), 5*time.Second)
			}
			if got := t1.must("shell", "d1", "--", "echo", "hello"); got != "hello\n" {
				t.fail("the shell said %q", got)
			}
			t.say("a shell from t1 to d1 works")
		},
	}
}

// deafTo keeps a machine out of these groups; without any,
// it hears all.
func (m *machine) deafTo(groups ...string) {
	var rules strings.Builder
	for _, g := range groups {
		family := "ip"
		if strings.Contains(g, ":") {
			family = "ip6"
		}
		fmt.Fprintf(&rules, "%s daddr %s drop\n", family, g)
	}
	m.filter(rules.String())
}
