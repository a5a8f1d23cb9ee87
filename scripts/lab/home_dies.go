//go:build linux

package main

import "time"

// homeDies takes away the member through which two machines speak.
func homeDies() story {
	return story{
		id: "home-dies", about: "the rendezvous in use dies; another takes over under a live shell", limit: 3 * time.Minute,
		tell: func(t *teller) {
			controllers := t.council()
			c1 := controllers[0]
			t1 := t.technician(c1, "t1", t.router("natA", Symmetric).lan)
			d1 := t.enrol(c1, "d1", t.router("natB", Symmetric).lan)
			t1.up()
			d1.up()
			inBetween := through("c1", "c2", "c3")
			_, _ = t1.reaches("d1", 20*time.Second, "through a member", inBetween)
			shell := t1.openShell("d1")
			before, _ := t1.reaches("d1", 20*time.Second, "through a member by UDP", func(p path) bool {
				return p.Kind == "member-udp" && inBetween(p)
			})
			t.figure("echo_before", shell.echoes(5*time.Second))

			for _, c := range controllers {
				if c.name == before.Via {
					c.crash()
				}
			}
			t.bar("echo_after_its_death", shell.echoes(60*time.Second), 10*time.Second)
			after, _ := t1.reaches("d1", 20*time.Second, "through another member", func(p path) bool {
				return p.Via != before.Via && inBetween(p)
			})
			t.say("the shell went on, from %s to %s", before.Via, after.Via)
			shell.close()
		},
	}
}
