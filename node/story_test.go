//go:build unix

package node_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A story is told with real processes on loopback, through the same verbs that
// people type.

const (
	openPolicy = `{"grants": [
		{"src": ["role:admin"], "dst": ["*"], "verbs": ["*"], "users": ["*", "root"]},
		{"src": ["ben"], "dst": ["tag:kiosk"], "verbs": ["ping"]},
	]}`
	// In narrowPolicy nobody opens a shell.
	narrowPolicy = `{"grants": [{"src": ["role:admin"], "dst": ["*"], "verbs": ["ping"]}]}`
)

func (o *machine) apply(policy string) {
	o.mesh.t.Helper()
	file := filepath.Join(o.mesh.dir, "policy.hujson")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		o.mesh.t.Fatal(err)
	}
	o.must("policy", "apply", file)
}

func (o *machine) policyRevision() uint64 {
	o.mesh.t.Helper()
	return read[struct{ Revision uint64 }](o, "policy", "show").Revision
}

func TestFirstShell(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(anna, "kiosk", "--tag", "kiosk")

	anna.must("ping", "kiosk")
	if out := anna.must("shell", "kiosk", "--", "echo", "hello there"); out != "hello there\n" {
		t.Errorf("the shell printed %q", out)
	}
	for _, o := range []*machine{kiosk, anna, hq} {
		o.stop()
	}
}

func TestEverythingGoesOnWithoutControllers(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	ben := m.join(hq, "ben", "--role", "technician")
	kiosk := m.join(hq, "kiosk", "--tag", "kiosk")
	web := m.join(hq, "web")
	hq.apply(openPolicy)
	for _, o := range []*machine{anna, ben, kiosk, web} {
		until(t, patience, o.name+" has the policy", func() bool { return o.policyRevision() == 2 })
	}
	anna.must("ping", "kiosk")
	ben.must("ping", "kiosk")

	hq.crash()
	for _, o := range []*machine{kiosk, anna, ben, web} {
		o.stop()
	}
	// A controller's absence slows nobody's start.
	for _, o := range []*machine{kiosk, anna, ben, web} {
		o.up()
	}

	until(t, 20*time.Second, "anna reaches kiosk", func() bool { return anna.run("ping", "kiosk").code == 0 })
	anna.must("shell", "kiosk", "--", "true")
	anna.must("shell", "web", "--", "true")
	until(t, 20*time.Second, "ben reaches kiosk", func() bool { return ben.run("ping", "kiosk").code == 0 })
	if s := read[struct{ Ready bool }](kiosk, "status"); !s.Ready {
		t.Error("kiosk is not ready without a controller")
	}

	// What was denied stays denied.
	ben.refused(3, "policy does not grant", "shell", "kiosk", "--", "true")
	ben.refused(3, "policy", "shell", "web", "--", "true")
	kiosk.refused(3, "policy does not let this machine meet", "ping", "web")
	kiosk.refused(3, "no technician works from this machine", "shell", "web", "--", "true")

	// What needs a controller says so, in time.
	began := time.Now()
	anna.refused(6, "no controller answers", "invite")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("invite gave up after %s, want 10 s or so", took)
	}
	anna.refused(6, "is offline", "ping", "hq")

	// And the mesh is whole again when it returns.
	hq.up()
	hq.leads()
	until(t, patience, "anna is in touch", func() bool {
		return anna.run("invite").code == 0
	})
}

// session is a shell that sleeps, seen from the technician's side.
type session struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *process
	done chan struct{}
	err  error
	pid  string
}

// open starts a shell on device that would run for long.
func (o *machine) open(device string) *session {
	o.mesh.t.Helper()
	s := &session{t: o.mesh.t, done: make(chan struct{}), out: &process{}}
	ctx, cancel := context.WithCancel(context.Background())
	o.mesh.t.Cleanup(cancel)
	s.cmd = o.command(ctx, "shell", device, "--", "sh", "-c", "echo pid $$; exec sleep 1000")
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		o.mesh.t.Fatal(err)
	}
	go func() { // ends with the process
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	until(o.mesh.t, patience, "the shell on "+device+" runs", func() bool {
		_, after, found := strings.Cut(s.out.text(), "pid ")
		s.pid, _, _ = strings.Cut(after, "\n")
		return found && strings.Contains(after, "\n")
	})
	return s
}

// endsWithin wants both ends of the session gone in time.
func (s *session) endsWithin(limit time.Duration, why string) {
	s.t.Helper()
	began := time.Now()
	select {
	case <-s.done:
	case <-time.After(limit + patience):
		s.t.Fatalf("%s: the session goes on after %s", why, limit+patience)
	}
	if took := time.Since(began); took > limit {
		s.t.Errorf("%s: the session ended after %s, want %s at most", why, took, limit)
	}
	var exit *exec.ExitError
	if !errors.As(s.err, &exit) || exit.ExitCode() != 255 {
		s.t.Errorf("%s: the shell ended with %v, want exit code 255:\n%s", why, s.err, s.out.text())
	}
	until(s.t, limit, why+": the command on the device is gone", func() bool {
		_, err := os.Stat(filepath.Join("/proc", s.pid))
		return os.IsNotExist(err)
	})
}

func TestWhatLosesItsRightsLosesItsSessions(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("needs /proc to see processes end")
	}
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	m.join(hq, "kiosk")
	m.join(hq, "web")
	laptop := m.join(hq, "laptop", "--owner-device")

	// A private machine is pinged, and no more.
	anna.must("ping", "laptop")
	anna.refused(3, "policy does not grant", "shell", "laptop", "--", "true")

	// A revoked device.
	s := anna.open("kiosk")
	stays := anna.open("web")
	hq.must("revoke", "kiosk", "--reason", "stolen", "--yes")
	s.endsWithin(5*time.Second, "device revoked")
	until(t, 5*time.Second, "anna knows that kiosk is revoked", func() bool {
		r := anna.run("ping", "kiosk")
		return r.code == 3 && strings.Contains(r.err, `"kiosk" was revoked`)
	})
	anna.refused(3, "was revoked", "shell", "kiosk", "--", "true")
	hq.refused(3, "was revoked", "ping", "kiosk")
	if stays.ended() {
		t.Error("the session on web ended with the one on kiosk")
	}

	// A narrower policy.
	hq.apply(narrowPolicy)
	stays.endsWithin(5*time.Second, "policy narrowed")
	anna.refused(3, "policy does not grant", "shell", "web", "--", "true")
	hq.apply(openPolicy)
	until(t, 5*time.Second, "the wide policy is back", func() bool {
		return anna.run("shell", "web", "--", "true").code == 0
	})

	// A revoked technician.
	s = anna.open("web")
	hq.must("technicians", "remove", "anna", "--reason", "left", "--yes")
	s.endsWithin(5*time.Second, "technician removed")
	until(t, 5*time.Second, "anna knows", func() bool {
		r := anna.run("shell", "web", "--", "true")
		return r.code == 3 && bytes.Contains([]byte(r.err), []byte(`technician "anna" was revoked`))
	})
	laptop.refused(3, "no technician works from this machine", "shell", "web", "--", "true")
}

func (s *session) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func TestViewFollows(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	kiosk := m.join(hq, "kiosk")
	web := m.join(hq, "web")

	// At once where a machine is in touch.
	hq.must("revoke", "web", "--reason", "test", "--yes")
	until(t, 5*time.Second, "kiosk knows of the revocation", func() bool {
		return read[struct{ Revoked bool }](kiosk, "device", "web").Revoked
	})
	until(t, 5*time.Second, "web knows of its own", func() bool {
		return strings.Contains(web.must("status"), "this machine was revoked")
	})

	// And on return where it was away.
	kiosk.stop()
	hq.apply(openPolicy)
	m.join(hq, "late")
	kiosk.up()
	until(t, 10*time.Second, "kiosk has caught up", func() bool {
		return kiosk.policyRevision() == 2 && kiosk.run("device", "late").code == 0
	})
	var revisions [2]uint64
	until(t, 5*time.Second, "both name one revision", func() bool {
		for i, o := range []*machine{hq, kiosk} {
			revisions[i] = read[struct{ Revision uint64 }](o, "status").Revision
		}
		return revisions[0] == revisions[1]
	})
}
