//go:build linux

package main

import (
	"slices"
	"time"
)

// directBehindNAT is the ordinary case: two homes whose routers let in what
// was asked for. Nobody stays in between.
func directBehindNAT() story {
	return story{
		id: "direct-behind-nat", about: "two machines behind port-restricted NATs meet directly", limit: 2 * time.Minute,
		tell: func(t *teller) {
			c1 := t.found("c1")
			homeA, homeB := t.router("natA", PortRestricted), t.router("natB", PortRestricted)
			t1 := t.technician(c1, "t1", homeA.lan)
			d1 := t.enrol(c1, "d1", homeB.lan)
			t1.up()

			d1.begin()
			_, _ = t1.reaches("d1", 10*time.Second, "directly", path.direct)
			t.bar("first_start_to_direct_path", time.Since(d1.at), 5*time.Second)

			// A member is started again, behind routers that have forgotten it.
			again := func() {
				d1.stop()
				homeA.forgetUDP()
				homeB.forgetUDP()
				d1.begin()
			}
			var took []time.Duration
			for range 5 {
				again()
				_, _ = d1.reaches("t1", 10*time.Second, "directly", path.direct)
				took = append(took, time.Since(d1.at))
			}
			slices.Sort(took)
			t.figure("start_to_direct_path_worst", took[len(took)-1])
			t.bar("start_to_direct_path_median", took[len(took)/2], time.Second)

			// Its peer believes in the old path for a while.
			again()
			_, _ = t1.reaches("d1", 15*time.Second, "directly", path.direct)
			t.bar("start_to_direct_path_of_the_peer", time.Since(d1.at), 10*time.Second)
			t.sees(t1, "d1", path.direct)
			t.sees(d1, "t1", path.direct)
		},
	}
}
