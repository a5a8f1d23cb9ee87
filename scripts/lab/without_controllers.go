//go:build linux

package main

import "time"

// withoutControllers leaves a mesh with no controller, behind routers through
// which nothing straight can be had. A gateway with a public address is a
// member like another, and enough.
func withoutControllers() story {
	return story{
		id: "without-controllers", about: "no controller is left; a restarted device comes back through its home rendezvous", limit: 2 * time.Minute,
		tell: func(t *teller) {
			c1 := t.found("c1")
			g1 := t.enrol(c1, "g1", t.internet(), "--role", "gateway")
			g1.up("--public", g1.address+":41820")
			homeB := t.router("natB", Symmetric)
			t1 := t.technician(c1, "t1", t.router("natA", Symmetric).lan)
			d1 := t.enrol(c1, "d1", homeB.lan)
			t1.up()
			d1.up()
			_, _ = t1.reaches("d1", 20*time.Second, "through a member", through("c1", "g1"))
			t.pause(time.Second)

			c1.crash()
			_, took := t1.reaches("d1", 20*time.Second, "through the gateway", through("g1"))
			t.bar("to_the_gateway", took, 10*time.Second)

			d1.crash()
			homeB.forgetUDP()
			d1.begin()
			_, _ = d1.reaches("t1", 20*time.Second, "through the gateway", through("g1"))
			t.bar("restart_to_pong", time.Since(d1.at), 10*time.Second)
			_, _ = t1.reaches("d1", 20*time.Second, "through the gateway", through("g1"))
			t.bar("restart_to_pong_of_the_peer", time.Since(d1.at), 10*time.Second)
			asked := time.Now()
			if got := t1.must("shell", "d1", "--", "echo", "hello"); got != "hello\n" {
				t.fail("the shell said %q", got)
			}
			t.figure("shell", time.Since(asked))
		},
	}
}
