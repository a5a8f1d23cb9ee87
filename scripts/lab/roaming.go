//go:build linux

package main

import "time"

// roaming is a laptop that goes from one network to another while somebody
// works on it.
func roaming() story {
	return story{
		id: "roaming", about: "a device changes its network under a live shell", limit: 2 * time.Minute,
		tell: func(t *teller) {
			c1 := t.found("c1")
			office, home, cafe := t.router("office", PortRestricted), t.router("home", PortRestricted), t.router("cafe", Symmetric)
			d1 := t.enrol(c1, "d1", office.lan)
			d1.up()
			shell := c1.openShell("d1")
			t.figure("echo_before", shell.echoes(time.Second))

			for _, next := range []*router{home, cafe, office} {
				t.pause(time.Duration(1000+t.rand.IntN(2000)) * time.Millisecond)
				d1.move(next.lan)
				t.bar("echo_after_moving_to_"+next.name, shell.echoes(30*time.Second), 10*time.Second)
			}
			t.say("the shell has gone along, and lost nothing")
			shell.close()
		},
	}
}
