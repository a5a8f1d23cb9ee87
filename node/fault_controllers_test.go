//go:build unix

package node_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warren/consensus/invite"
	"warren/scripts/soak/faulttest"
)

// TestFaultR03NoControllers kills every controller under live sessions. They go
// on, new ones are authorised by the device, about as fast as before, and when
// the controllers are back all agree.
func TestFaultR03NoControllers(t *testing.T) {
	run := faulttest.Begin(t, "R-03")
	m := newMesh(t)
	hq := m.found()
	controllers := append([]*machine{hq}, m.grow(hq, "hq-2", "hq-3")...)
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(hq, "kiosk")
	anna.must("ping", "kiosk")
	live := make([]*talk, run.Pick(3, 20))
	for i := range live {
		live[i] = anna.talk("kiosk")
		live[i].says("before")
	}
	shells := run.Pick(5, 30)
	up := newShell(anna, shells)
	for _, c := range controllers {
		c.crash()
	}
	down := newShell(anna, shells)
	for _, s := range live {
		s.says("without")
	}
	if run.Long() { // long enough that whatever waits for a controller has noticed
		time.Sleep(2 * time.Minute)
		down = max(down, newShell(anna, shells))
	}
	began := time.Now()
	for _, c := range controllers {
		c.begin()
	}
	for _, c := range controllers {
		c.starts()
	}
	until(t, patience, "one leads", func() bool { return hq.leader() != "" })
	anna.must("invite")
	agree(t, append(controllers, anna, kiosk)...)
	back := time.Since(began)
	for _, s := range live {
		s.says("after")
		s.end()
	}
	run.Figure("live_sessions", len(live))
	run.Figure("new_sessions", 2*shells)
	run.Figure("new_shell_ms_with_controllers", up.Milliseconds())
	run.Figure("new_shell_ms_without", down.Milliseconds())
	run.Figure("heads_equal_ms_after_return", back.Milliseconds())
	if run.Long() && down > up*12/10 {
		t.Errorf("a new shell takes %s without controllers and %s with them: over 1.2 times", down, up)
	}
	if run.Long() && back > 10*time.Second {
		t.Errorf("the heads were equal %s after the controllers came back, want 10 s", back)
	}
}

// newShell is the median time of a command on kiosk, from the shell's prompt
// to its end.
func newShell(o *machine, n int) time.Duration {
	o.mesh.t.Helper()
	var took []time.Duration
	for range n {
		began := time.Now()
		o.must("shell", "kiosk", "--", "true")
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[n/2]
}

// TestFaultS08InviteTwice has many machines claim one invite at once, through
// three controllers: one is let in to wait, the others are told why not.
func TestFaultS08InviteTwice(t *testing.T) {
	run := faulttest.Begin(t, "S-08")
	m := newMesh(t)
	hq := m.found()
	m.grow(hq, "hq-2", "hq-3")
	until(t, patience, "a link names all three", func() bool {
		link, err := invite.ParseLink(read[struct{ Link string }](hq, "invite").Link)
		return err == nil && len(link.Controllers) == 3
	})
	rounds, machines := run.Pick(1, 10), run.Pick(12, 100)
	for round := range rounds {
		made := read[struct{ ID, Link string }](hq, "invite")
		link, err := invite.ParseLink(made.Link)
		if err != nil {
			t.Fatal(err)
		}
		results := make([]result, machines)
		var all sync.WaitGroup
		for i := range machines {
			one := link // through one controller alone
			one.Controllers = []invite.Endpoint{link.Controllers[i%len(link.Controllers)]}
			o := m.at(fmt.Sprintf("new-%d-%d", round, i))
			all.Go(func() { results[i] = o.run("join", one.String(""), "--name", o.name, "--yes", "--no-wait") })
		}
		all.Wait()
		var in []string
		for i, r := range results {
			switch {
			case r.code == 0:
				in = append(in, fmt.Sprintf("new-%d-%d", round, i))
			case r.code != 3 || !strings.Contains(r.err, "used"):
				t.Errorf("machine %d: %v\nwant 3, because the invite is used", i, r)
			}
		}
		var pending []string
		for _, p := range read[[]struct{ Name, Invite string }](hq, "pending") {
			if p.Invite == made.ID {
				pending = append(pending, p.Name)
			}
		}
		if len(in) != 1 || !slices.Equal(in, pending) {
			t.Errorf("round %d: %v were let in to wait, %v wait", round, in, pending)
		}
	}
	run.Figure("rounds", rounds)
	run.Figure("machines", machines)
}
