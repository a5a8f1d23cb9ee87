//go:build unix

package node_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	overlay "warren/mesh"
)

// TestNewsFromAPeer: a machine that was away while the policy changed gets it
// from whoever has it, with every controller dead.
func TestNewsFromAPeer(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(hq, "kiosk", "--tag", "kiosk")
	anna.must("ping", "kiosk")

	kiosk.stop()
	hq.apply(openPolicy)
	until(t, patience, "anna has the policy", func() bool { return anna.policyRevision() == 2 })
	hq.crash()
	kiosk.up()
	until(t, 20*time.Second, "kiosk has the policy from anna", func() bool { return kiosk.policyRevision() == 2 })
	if s := read[struct{ Leader string }](kiosk, "status"); s.Leader != "" {
		t.Errorf("kiosk says that %q leads", s.Leader)
	}
	// Where gossip speaks there is no way in from the underlay (S-02).
	for _, network := range []string{"tcp", "udp"} {
		if !refusesAt(network, net.JoinHostPort("127.0.0.1", strconv.Itoa(overlay.GossipPort))) {
			t.Errorf("the underlay's %s port answers, or swallows", network)
		}
	}
}

// refusesAt tells whether nobody listens there.
func refusesAt(network, at string) bool {
	c, err := net.DialTimeout(network, at, time.Second)
	if err == nil {
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte{1})
		_, err = c.Read(make([]byte, 1))
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// gossipPolicy lets ben open shells on the kiosk.
const gossipPolicy = `{"grants": [
	{"src": ["role:admin"], "dst": ["*"], "verbs": ["*"], "users": ["*", "root"]},
	{"src": ["ben"], "dst": ["tag:kiosk"], "verbs": ["*"], "users": ["*", "root"]},
]}`

func (o *machine) meets(name string) bool {
	o.mesh.t.Helper()
	for _, p := range read[[]struct{ Name string }](o, "peers") {
		if p.Name == name {
			return true
		}
	}
	return false
}

func (o *machine) refuses(verb ...string) bool {
	o.mesh.t.Helper()
	r := o.run(verb...)
	return r.code == 3 && strings.Contains(r.err, "was revoked")
}

// TestRevocationWithoutControllers: with every controller dead, what one
// technician revokes is shut out by all within 10 s, and entered by the
// controllers when they are back.
func TestRevocationWithoutControllers(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("needs /proc to see processes end")
	}
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	ben := m.join(hq, "ben", "--role", "technician")
	kiosk := m.join(hq, "kiosk", "--tag", "kiosk")
	web := m.join(hq, "web")
	hq.apply(gossipPolicy)
	for _, o := range []*machine{anna, ben, kiosk, web} {
		until(t, patience, o.name+" has the policy", func() bool { return o.policyRevision() == 2 })
	}
	s, stays := ben.open("kiosk"), anna.open("web")
	hq.crash()

	began := time.Now()
	said := make(chan result, 1)
	go func() { said <- anna.run("revoke", "kiosk", "--reason", "stolen", "--yes", "--json") }()
	s.endsWithin(10*time.Second, "revoked by gossip")
	for _, o := range []*machine{anna, ben} {
		until(t, 10*time.Second-time.Since(began), o.name+" has no tunnel to kiosk", func() bool { return !o.meets("kiosk") })
		if !o.refuses("ping", "kiosk") {
			t.Errorf("%s does not know that kiosk was revoked", o.name)
		}
	}
	t.Logf("gone everywhere %s after the verb began", time.Since(began).Round(10*time.Millisecond))
	if got := <-said; got.code != 0 || !strings.Contains(got.out, `"outcome": "spreading"`) {
		t.Errorf("revoke: %v", got)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the verb waited %s for controllers", took)
	}
	until(t, 10*time.Second, "kiosk knows", func() bool {
		return slices.ContainsFunc(read[struct{ Warnings []string }](kiosk, "status").Warnings, func(w string) bool {
			return strings.Contains(w, "this machine was revoked")
		})
	})
	if stays.ended() {
		t.Error("the session on web ended with the one on kiosk")
	}
	anna.must("shell", "web", "--", "true")

	// Who leaves by itself says so.
	web.must("leave", "--yes")
	until(t, 10*time.Second, "all know that web has left", func() bool {
		return anna.refuses("ping", "web") && !anna.meets("web")
	})

	// It outlives everybody's restart, and the controllers enter it.
	for _, o := range []*machine{anna, ben} {
		o.crash()
		o.up()
		if !o.refuses("ping", "kiosk") {
			t.Errorf("%s forgot it", o.name)
		}
	}
	hq.up()
	hq.leads()
	until(t, patience, "hq has heard", func() bool { return hq.refuses("ping", "kiosk") })
	// An entry that folds it is refused as long as the controllers lack it.
	file := filepath.Join(m.dir, "after.hujson")
	if err := os.WriteFile(file, []byte(narrowPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	revision := anna.policyRevision()
	until(t, patience, "the controllers have entered it", func() bool { return anna.run("policy", "apply", file).code == 0 })
	until(t, patience, "ben has the policy after it", func() bool { return ben.policyRevision() == revision+1 })
}

// TestRevocationWithControllers: everybody has it within 5 s.
func TestRevocationWithControllers(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	m.join(hq, "kiosk")
	s := anna.open("kiosk")
	began := time.Now()
	if got := read[struct{ Outcome string }](hq, "revoke", "kiosk", "--reason", "stolen", "--yes"); got.Outcome != "entered" {
		t.Errorf("revoke says %+v", got)
	}
	s.endsWithin(5*time.Second, "revoked")
	for _, o := range []*machine{anna, hq} {
		until(t, 5*time.Second-time.Since(began), o.name+" has no tunnel to kiosk", func() bool { return !o.meets("kiosk") })
	}
	t.Logf("gone everywhere %s after the verb began", time.Since(began).Round(10*time.Millisecond))
}

// TestNewPlacesThroughAThird: two machines that know only each other's old
// addresses find each other through a third, with every controller dead.
func TestNewPlacesThroughAThird(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	ben := m.join(hq, "ben", "--role", "technician", "--admin")
	kiosk := m.join(hq, "kiosk")
	for _, o := range []*machine{anna, ben} {
		o.must("ping", "kiosk")
	}
	hq.crash()
	for _, o := range []*machine{ben, anna, kiosk} {
		o.stop()
	}
	for _, o := range []*machine{anna, kiosk} {
		o.port = freePort(t)
		o.up()
	}
	anna.refused(6, "is offline", "shell", "kiosk", "--", "true")
	if anna.run("ping", "kiosk").code == 0 {
		t.Fatal("they find each other without help: this story shows nothing")
	}
	ben.up()
	began := time.Now()
	until(t, 30*time.Second, "anna reaches kiosk", func() bool { return anna.run("ping", "kiosk").code == 0 })
	t.Logf("found %s after the third came up", time.Since(began).Round(10*time.Millisecond))
	anna.must("shell", "kiosk", "--", "true")
}
