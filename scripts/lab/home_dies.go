//go:build linux

package main

import "time"

// homeDies takes away the members through which two machines speak, one after
// the other.
func homeDies() story {
	return story{
		id: "home-dies", about: "the rendezvous in use dies; another takes over under a live shell", limit: 4 * time.Minute,
		tell: homeGoes("member-udp", (*machine).crash, func(m *machine) { m.up() }),
	}
}

// homeDiesTLS is the same where only what looks like the web passes.
func homeDiesTLS() story {
	return story{
		id: "home-dies-tls", about: "the rendezvous in use dies where UDP is blocked; another takes over under a live shell", limit: 4 * time.Minute,
		tell: homeGoes("member-tls", (*machine).crash, func(m *machine) { m.up() }),
	}
}

// homeFallsSilent is a member whose power or cable is gone: nothing says so.
func homeFallsSilent() story {
	return story{
		id: "home-silent", about: "the rendezvous in use falls silent; another takes over under a live shell", limit: 4 * time.Minute,
		tell: homeGoes("member-udp", (*machine).silence, func(m *machine) { m.cutOff() }),
	}
}

// homeFallsSilentTLS is the same where UDP is blocked.
func homeFallsSilentTLS() story {
	return story{
		id: "home-silent-tls", about: "the rendezvous in use falls silent where UDP is blocked; another takes over under a live shell", limit: 4 * time.Minute,
		tell: homeGoes("member-tls", (*machine).silence, func(m *machine) { m.cutOff() }),
	}
}

// homeGoes tells of a shell through members, by a kind of path. Each member
// goes and comes back in turn: which of them carry it, and for which
// direction, is the machines' choice.
func homeGoes(kind string, goes, comes func(*machine)) func(*teller) {
	return func(t *teller) {
		controllers := t.council()
		c1 := controllers[0]
		natA, natB := t.router("natA", Symmetric), t.router("natB", Symmetric)
		if kind == "member-tls" {
			natA.blockUDP()
			natB.blockUDP()
		}
		t1 := t.technician(c1, "t1", natA.lan)
		d1 := t.enrol(c1, "d1", natB.lan)
		t1.up()
		d1.up()
		inBetween := through("c1", "c2", "c3")
		_, _ = t1.reaches("d1", 20*time.Second, "through a member", inBetween)
		shell := t1.openShell("d1")
		var worst time.Duration
		for _, i := range t.rand.Perm(len(controllers)) {
			c := controllers[i]
			_, _ = t1.reaches("d1", 30*time.Second, "through a member as "+kind, func(p path) bool {
				return p.Kind == kind && inBetween(p)
			})
			t.pause(time.Duration(3000+t.rand.IntN(3000)) * time.Millisecond)
			t.figure("echo_with_"+c.name, shell.echoes(5*time.Second))
			goes(c)
			gone := time.Now()
			took := shell.echoes(60 * time.Second)
			t.bar("echo_without_"+c.name, took, 10*time.Second)
			worst = max(worst, took)
			after, _ := t1.reaches("d1", 20*time.Second, "through another member", func(p path) bool {
				return p.Via != c.name && inBetween(p)
			})
			t.bar("path_without_"+c.name, time.Since(gone), 12*time.Second)
			asked := time.Now()
			if got := t1.must("shell", "d1", "--", "echo", "hello"); got != "hello\n" {
				t.fail("a new shell said %q", got)
			}
			t.figure("new_shell_without_"+c.name, time.Since(asked))
			t.say("without %s the shell goes on as %s", c.name, after)
			comes(c)
		}
		if worst < time.Second {
			t.fail("none of the members carried the shell")
		}
		shell.close()
	}
}
