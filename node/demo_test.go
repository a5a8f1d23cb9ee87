//go:build unix

package node_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"warren/mesh/identity"
	"warren/node/demo"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/view"
)

// The demo's own story: the leader dies during a shell, then all controllers
// stop; a device restarts and a shell opens without them; back again, all agree.
func TestTheDemoSurvivesItsMiddle(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	d := startDemo(t, m, 2)
	desk := m.at("desk")
	desk.dir = filepath.Join(d.dir, "desk")
	until(t, patience, "three vote and one leads", func() bool {
		c := desk.controllers()
		return c["hq-1"].Voter && c["hq-2"].Voter && c["hq-3"].Voter && desk.leader() != ""
	})
	if len(d.status().Nodes) != 6 {
		t.Fatalf("the demo has %+v", d.status().Nodes)
	}
	until(t, patience, "the desk reaches kiosk-1", func() bool { return desk.run("ping", "kiosk-1").code == 0 })

	s := desk.talk("kiosk-1")
	s.says("with three controllers")
	lead := desk.leader()
	d.kill(lead)
	s.says("without the leader")
	until(t, patience, "another leads", func() bool { l := desk.leader(); return l != "" && l != lead })
	desk.must("invite")

	d.say("stop controllers")
	s.says("without any")
	d.say("stop kiosk-2")
	d.say("start kiosk-2")
	until(t, patience, "a shell opens on a device that has restarted", func() bool {
		r := desk.run("shell", "kiosk-2", "--", "echo", "hello")
		return r.code == 0 && r.out == "hello\n"
	})
	desk.refused(6, "no controller answers", "invite")

	d.say("start controllers")
	s.says("with all of them again")
	until(t, patience, "a change is taken", func() bool { return desk.run("invite").code == 0 })
	d.agree(m)
	s.end()
}

// started is a demo that runs.
type started struct {
	t    *testing.T
	dir  string
	done chan struct{}
}

func startDemo(t *testing.T, m *mesh, devices int) *started {
	t.Helper()
	d := &started{t: t, dir: filepath.Join(m.dir, "demo"), done: make(chan struct{})}
	out := &process{}
	o := m.at("demo")
	cmd := o.command(context.Background(), "--json", "demo", "--dir", d.dir, "--devices", string(rune('0'+devices)))
	cmd.Stdout, cmd.Stderr = out, out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process
		_ = cmd.Wait()
		close(d.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		<-d.done
		if t.Failed() {
			t.Logf("the demo said:\n%s", out.text())
		}
	})
	until(t, patience, "the demo is up", func() bool {
		select {
		case <-d.done:
			t.Fatalf("the demo ended:\n%s", out.text())
		default:
		}
		return strings.Contains(out.text(), `"nodes"`)
	})
	t.Logf("the demo is up after %s", time.Since(began))
	return d
}

func (d *started) say(command string) demo.Status {
	d.t.Helper()
	s, err := demo.Ask(d.t.Context(), d.dir, command)
	if err != nil {
		d.t.Fatalf("demo %s: %v", command, err)
	}
	return s
}

func (d *started) status() demo.Status { return d.say("status") }

// kill is a power cut of one node.
func (d *started) kill(name string) {
	d.t.Helper()
	for _, n := range d.status().Nodes {
		if n.Name == name {
			if err := syscall.Kill(n.PID, syscall.SIGKILL); err != nil {
				d.t.Fatal(err)
			}
			until(d.t, patience, name+" is gone", func() bool {
				for _, n := range d.status().Nodes {
					if n.Name == name && n.Running {
						return false
					}
				}
				return true
			})
			return
		}
	}
	d.t.Fatalf("the demo has no node %q", name)
}

// agree waits until all nodes hold one trust log and name one revision.
func (d *started) agree(m *mesh) {
	d.t.Helper()
	var all []*machine
	for _, n := range d.status().Nodes {
		o := m.at(n.Name)
		o.dir = n.State
		all = append(all, o)
	}
	agree(d.t, all...)
	var seen map[string]string
	defer func() {
		if d.t.Failed() {
			text, _ := json.MarshalIndent(seen, "", "  ")
			d.t.Logf("heads:\n%s", text)
		}
	}()
	until(d.t, patience, "all hold one head", func() bool {
		seen = map[string]string{}
		one := map[string]bool{}
		for _, n := range d.status().Nodes {
			seen[n.Name] = head(d.t, n.State)
			one[seen[n.Name]] = true
		}
		return len(one) == 1
	})
}

// head is the last entry a machine's stored view has, with its number of
// revocations and its policy.
func head(t *testing.T, dir string) string {
	t.Helper()
	data, err := home.At(platform.Dir(dir)).View().Load()
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	last := identity.HashOf(v.GetEntries()[len(v.GetEntries())-1])
	text, _ := json.Marshal([]any{len(v.GetEntries()), last, len(v.GetRevocations()), v.GetPolicy()})
	return string(text)
}
