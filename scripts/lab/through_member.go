//go:build linux

package main

import "time"

// throughMember is two hotels whose routers map each connection anew: nothing
// straight can be had, so a member that both reach passes ciphertext.
func throughMember() story {
	return story{
		id: "through-member", about: "two machines behind symmetric NATs meet through a member", limit: time.Minute,
		tell: func(t *teller) {
			c1 := t.found("c1")
			t1 := t.technician(c1, "t1", t.router("natA", Symmetric).lan)
			d1 := t.enrol(c1, "d1", t.router("natB", Symmetric).lan)
			t1.up()
			d1.begin()
			_, _ = t1.reaches("d1", 15*time.Second, "through c1", through("c1"))
			t.figure("start_to_path", time.Since(d1.at))
			t.sees(t1, "d1", through("c1"))
			t.sees(d1, "t1", through("c1"))

			shell := t1.openShell("d1")
			t.figure("echo", shell.echoes(5*time.Second))
			_, took := t1.reaches("d1", 30*time.Second, "through c1 by UDP", func(p path) bool { return p.Kind == "member-udp" && p.Via == "c1" })
			t.figure("upgrade_to_udp", took)
			t.figure("echo_by_udp", shell.echoes(5*time.Second))
			shell.close()
		},
	}
}

// udpBlocked is a company whose firewall lets out what looks like the web.
func udpBlocked() story {
	return story{
		id: "udp-blocked", about: "a machine that may send no UDP is reached through a member by TLS", limit: time.Minute,
		tell: func(t *teller) {
			c1 := t.found("c1")
			t1 := t.technician(c1, "t1", t.router("natA", PortRestricted).lan)
			company := t.router("company", Symmetric)
			company.blockUDP()
			d1 := t.enrol(c1, "d1", company.lan)
			t1.up()
			d1.begin()
			byTLS := func(p path) bool { return p.Kind == "member-tls" && p.Via == "c1" }
			_, _ = t1.reaches("d1", 20*time.Second, "through c1 by TLS", byTLS)
			t.figure("start_to_path", time.Since(d1.at))
			t.sees(t1, "d1", byTLS)
			t.sees(d1, "t1", byTLS)
			shell := t1.openShell("d1")
			t.figure("echo", shell.echoes(5*time.Second))
			shell.close()
		},
	}
}
