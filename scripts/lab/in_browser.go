//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"
)

// inBrowser is throughMember as the technician's pages show it: Chromium runs
// in the namespace of their machine.
func inBrowser() story {
	return story{
		id: "in-browser", about: "the console's pages show a path through a member", limit: 3 * time.Minute,
		tell: func(t *teller) {
			c1 := t.found("c1")
			t1 := t.technician(c1, "t1", t.router("natA", Symmetric).lan)
			d1 := t.enrol(c1, "d1", t.router("natB", Symmetric).lan)
			t1.up()
			d1.begin()
			_, _ = t1.reaches("d1", 30*time.Second, "through c1", through("c1"))
			t.figure("story", t1.browses("via"))
		},
	}
}

// browses tells a story of web/app/e2e on this machine, and how long it took.
func (m *machine) browses(story string) time.Duration {
	began := time.Now()
	ctx, cancel := context.WithTimeout(m.t.ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", m.name, "node", "e2e/run.mjs", story) //nolint:gosec // a word of a story
	cmd.Dir = "web/app"
	cmd.Env = append(os.Environ(), "WARREN_BIN="+m.t.warren, "WARREN_E2E_STATE="+m.state())
	out, err := cmd.CombinedOutput()
	m.t.say("%s", strings.TrimSpace(string(out)))
	if err != nil {
		m.t.fail("the pages of %s: %w", m.name, err)
	}
	return time.Since(began)
}
