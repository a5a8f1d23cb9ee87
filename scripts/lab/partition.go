//go:build linux

package main

import (
	"fmt"
	"time"
)

// partition cuts the leader off from the other controllers, and heals it
// (R-04 of the threat and fault list).
func partition() story {
	return story{
		id: "partition", about: "the leader is cut off from the majority, which goes on; healed, all heads agree", limit: 3 * time.Minute,
		tell: func(t *teller) {
			all := t.council()
			t1 := t.technician(all[0], "t1", t.internet())
			t1.up()
			for round := range 3 {
				leader, others := t.leader(all)
				t.say("round %d: %s is cut off", round+1, leader.name)
				leader.cutOff(others...)
				cut := time.Now()

				// The majority elects another and takes writes; the old one takes none.
				t.until(15*time.Second, "the majority has another leader", func() bool {
					a, b := others[0].status().Leader, others[1].status().Leader
					return a == b && a != "" && a != leader.name
				})
				t.bar(fmt.Sprintf("new_leader_%d", round+1), time.Since(cut), 5*time.Second)
				t.say("%s leads", others[0].status().Leader)
				t.until(20*time.Second, "a technician's write is taken", func() bool {
					_, err := t1.try("invite")
					return err == nil
				})
				t.figure(fmt.Sprintf("write_taken_%d", round+1), time.Since(cut))
				// Whoever followed the one that is cut off goes over to another.
				t.until(20*time.Second, "the technician's machine hears of the new leader", func() bool {
					return t1.status().Leader == others[0].status().Leader
				})
				t.bar(fmt.Sprintf("members_go_over_%d", round+1), time.Since(cut), 10*time.Second)
				if leader.name == "c1" { // the founder's technician works from here
					if _, err := leader.try("invite"); exitCode(err) != 6 {
						t.fail("%s is cut off, and a write there ends so: %w", leader.name, err)
					}
				}
				if r := leader.status().Revision; r >= others[0].status().Revision {
					t.fail("%s is cut off and at revision %d all the same", leader.name, r)
				}

				leader.cutOff()
				healed := time.Now()
				t.until(20*time.Second, "all heads agree", func() bool {
					a, b, c := all[0].status(), all[1].status(), all[2].status()
					return a.Leader != "" && a.Leader == b.Leader && b.Leader == c.Leader && a.Revision == b.Revision && b.Revision == c.Revision
				})
				t.bar(fmt.Sprintf("heads_agree_after_healing_%d", round+1), time.Since(healed), 10*time.Second)
			}
		},
	}
}

// leader asks the controllers which of them leads.
func (t *teller) leader(all []*machine) (leader *machine, others []*machine) {
	t.until(20*time.Second, "all agree who leads", func() bool {
		leader, others = nil, nil
		name := all[0].status().Leader
		for _, c := range all {
			if c.status().Leader != name {
				return false
			}
			if c.name == name {
				leader = c
			} else {
				others = append(others, c)
			}
		}
		return leader != nil
	})
	return leader, others
}
