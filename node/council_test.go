//go:build unix

package node_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"warren/consensus/invite"
)

type seat struct {
	ID, Name                 string
	Voter, Leader, Reachable bool
}

// controllers lists them as o sees them, by name.
func (o *machine) controllers() map[string]seat {
	o.mesh.t.Helper()
	out := map[string]seat{}
	for _, s := range read[[]seat](o, "controllers") {
		out[s.Name] = s
	}
	return out
}

// leader is the name of the one who leads, as o sees it.
func (o *machine) leader() string {
	for name, s := range o.controllers() {
		if s.Leader {
			return name
		}
	}
	return ""
}

// grow lets controllers in and gives them their vote.
func (m *mesh) grow(by *machine, names ...string) []*machine {
	m.t.Helper()
	var out []*machine
	for _, name := range names {
		o := m.join(by, name, "--role", "controller")
		by.must("controllers", "add", name)
		out = append(out, o)
	}
	return out
}

// agree waits until all machines name one revision.
func agree(t *testing.T, machines ...*machine) {
	t.Helper()
	until(t, patience, "all name one revision", func() bool {
		var revisions []uint64
		for _, o := range machines {
			revisions = append(revisions, read[struct{ Revision uint64 }](o, "status").Revision)
		}
		return len(slices.Compact(revisions)) == 1
	})
}

func TestThreeControllers(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	second := m.join(hq, "hq-2", "--role", "controller")
	// It holds a replica and has no vote until it is given one.
	until(t, patience, "hq-2 is known", func() bool { return hq.controllers()["hq-2"].Reachable })
	if s := hq.controllers()["hq-2"]; s.Voter || s.Leader {
		t.Errorf("hq-2 is %+v before controllers add", s)
	}
	hq.must("controllers", "add", "hq-2")
	if r := hq.run("controllers", "add", "hq-2"); r.code != 0 || !strings.Contains(r.err, "Two controllers vote") {
		t.Errorf("adding it again: %v", r)
	}
	third := m.grow(hq, "hq-3")[0]
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(anna, "kiosk", "--tag", "kiosk")
	all := []*machine{hq, second, third, anna, kiosk}
	for _, o := range all {
		until(t, patience, o.name+" sees three voters and their leader", func() bool {
			c := o.controllers()
			return c["hq"].Voter && c["hq-2"].Voter && c["hq-3"].Voter && o.leader() != ""
		})
	}
	agree(t, all...)

	hq.refused(5, "did not join with the role controller", "controllers", "add", "kiosk")
	hq.refused(4, "no device", "controllers", "add", "nobody")
	kiosk.refused(3, "no technician works from this machine", "controllers", "add", "hq-2")
	hq.refused(5, "is no controller", "controllers", "remove", "kiosk", "--yes")

	// A follower takes writes, and newcomers.
	lead := hq.leader()
	follower := map[string]string{"hq": "hq-2", "hq-2": "hq-3", "hq-3": "hq-2"}[lead]
	web := m.joinAt(anna, follower, "web")
	agree(t, append(all, web)...)

	// The leader dies during a shell.
	s := anna.talk("kiosk")
	s.says("one")
	m.at(lead).crash()
	s.says("two")
	rest := slices.DeleteFunc(slices.Clone(all), func(o *machine) bool { return o.name == lead })
	began := time.Now()
	until(t, patience, "another leads", func() bool { l := rest[0].leader(); return l != "" && l != lead })
	t.Logf("another leads after %s", time.Since(began))
	late := m.join(anna, "late")
	s.says("three")
	m.at(lead).up()
	agree(t, append(all, web, late)...)
	for _, name := range []string{"web", "late"} {
		m.at(lead).must("device", name)
	}
	s.end()
}

// joinAt lets a plain device in through one controller alone, whoever leads.
func (m *mesh) joinAt(by *machine, controller, name string) *machine {
	m.t.Helper()
	o := m.at(name)
	link, err := invite.ParseLink(read[struct{ Link string }](by, "invite").Link)
	if err != nil {
		m.t.Fatal(err)
	}
	id := by.controllers()[controller].ID
	link.Controllers = slices.DeleteFunc(link.Controllers, func(e invite.Endpoint) bool { return e.Node.String() != id })
	if len(link.Controllers) == 0 {
		m.t.Fatalf("the link does not name %s", controller)
	}
	claim := read[struct{ ID string }](o, "join", link.String(""), "--name", name, "--yes", "--no-wait")
	by.must("approve", claim.ID, "--yes")
	o.up()
	return o
}

// talk is a shell that answers what it is told.
type talk struct {
	t    *testing.T
	in   io.WriteCloser
	out  *process
	done chan struct{}
}

func (o *machine) talk(device string) *talk {
	o.mesh.t.Helper()
	s := &talk{t: o.mesh.t, out: &process{}, done: make(chan struct{})}
	cmd := o.command(o.mesh.t.Context(), "shell", device, "--", "cat")
	cmd.Stdout, cmd.Stderr = s.out, s.out
	var err error
	if s.in, err = cmd.StdinPipe(); err != nil {
		o.mesh.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		o.mesh.t.Fatal(err)
	}
	go func() { // ends with the process
		_ = cmd.Wait()
		close(s.done)
	}()
	return s
}

func (s *talk) says(word string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, word+"\n"); err != nil {
		s.t.Fatalf("the shell ended: %v\n%s", err, s.out.text())
	}
	until(s.t, patience, "the shell answers "+word, func() bool { return strings.Contains(s.out.text(), word+"\n") })
}

func (s *talk) end() {
	s.t.Helper()
	_ = s.in.Close()
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Error("the shell does not end")
	}
}
