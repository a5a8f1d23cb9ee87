//go:build linux

package main

import (
	"time"
)

// benchOrphans measures a new shell with all controllers dead beside one with
// them up, in turns.
func benchOrphans() story {
	return story{
		id: "bench-orphans", about: "a new shell with and without controllers", limit: 3 * time.Minute, bench: true,
		tell: func(t *teller) {
			all := t.council()
			t.agree(all)
			t1 := t.technician(all[0], "t1", t.internet())
			d1 := t.enrol(all[0], "d1", t.internet())
			t1.up()
			d1.up()
			took := map[string][]float64{}
			measure := func(name string) {
				t1.must("shell", "d1", "--", "true")
				for range 8 {
					began := time.Now()
					t1.must("shell", "d1", "--", "true")
					took[name] = append(took[name], milliseconds(time.Since(began)))
				}
			}
			for range (t.reps + 1) / 2 {
				measure("with")
				for _, c := range all {
					c.kill()
				}
				measure("without")
				for _, c := range all {
					c.begin()
				}
				t.agree(all)
			}
			t.sample("with_controllers", took["with"])
			t.sample("without_controllers", took["without"])
		},
	}
}
