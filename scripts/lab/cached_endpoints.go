//go:build linux

package main

import "time"

// cachedEndpoints is a power cut in the branch office while the controllers
// are away: the device has nobody to ask but knows where its peers were.
func cachedEndpoints() story {
	return story{
		id: "cached-endpoints", about: "no controller is left; a restarted device finds its peer where it was", limit: time.Minute, short: true,
		tell: func(t *teller) {
			c1 := t.found("c1")
			home := t.router("natA", PortRestricted)
			d1 := t.enrol(c1, "d1", home.lan)
			t1 := t.technician(c1, "t1", t.internet())
			t1.up()
			d1.up()
			_, _ = d1.reaches("t1", 10*time.Second, "directly", path.direct)
			if _, ok := d1.ping("c1"); !ok {
				t.fail("the controller does not answer d1")
			}

			// What d1 knows reaches its disk a moment later.
			t.pause(time.Duration(500+t.rand.IntN(500)) * time.Millisecond)
			c1.crash()
			d1.crash()
			home.forgetUDP()
			d1.begin()
			_, _ = d1.reaches("t1", 10*time.Second, "directly", path.direct)
			t.bar("restart_to_pong", time.Since(d1.at), 5*time.Second)

			// What came up is a whole machine: it takes a shell from a technician
			// whom it knows from the view on its disk.
			asked := time.Now()
			if got := t1.must("shell", "d1", "--", "echo", "hello"); got != "hello\n" {
				t.fail("the shell said %q", got)
			}
			t.figure("shell_with_no_controller", time.Since(asked))
			if _, ok := d1.ping("c1"); ok {
				t.fail("the dead controller answers")
			}
		},
	}
}
