//go:build linux

package main

import "time"

// publicController is the plainest mesh: one machine that all can reach, the
// others behind routers that keep strangers out.
func publicController() story {
	return story{
		id: "public-controller", about: "two machines behind NAT, a controller on the internet", limit: time.Minute, short: true,
		tell: func(t *teller) {
			c1 := t.found("c1")
			homeA, homeB := t.router("natA", PortRestricted), t.router("natB", Symmetric)
			t1 := t.technician(c1, "t1", homeA.lan)
			d1 := t.enrol(c1, "d1", homeB.lan)

			t1.up()
			_, took := t1.reaches("c1", 5*time.Second, "directly", path.direct)
			t.figure("t1_reaches_controller", took)

			d1.up()
			_, took = c1.reaches("d1", 5*time.Second, "through d1's NAT", path.direct)
			t.figure("controller_reaches_d1", took)

			if got := c1.must("shell", "d1", "--", "echo", "hello"); got != "hello\n" {
				t.fail("the shell said %q", got)
			}
			t.say("a shell from c1 to d1 works")
			d1.stop()
			t1.stop()
			c1.stop()
		},
	}
}
