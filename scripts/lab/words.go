//go:build linux

package main

import (
	"slices"
	"time"
)

// path is how a machine is reached, as peers and ping tell it.
type path struct {
	Kind     string
	Via      string
	Endpoint string
	RTT      float64 `json:"rtt_ms"`
}

// direct reports whether nobody is in between.
func (p path) direct() bool {
	return p.Kind == "direct-v4" || p.Kind == "direct-v6" || p.Kind == "lan"
}

// through accepts a path with one of these members in between.
func through(members ...string) func(path) bool {
	return func(p path) bool {
		return (p.Kind == "member-udp" || p.Kind == "member-tls") && slices.Contains(members, p.Via)
	}
}

func (p path) String() string {
	if p.Via != "" {
		return p.Kind + " via " + p.Via
	}
	return p.Kind + " " + p.Endpoint
}

// found makes the mesh's first controller, which everybody can reach, and its
// technician.
func (t *teller) found(name string) *machine {
	m := t.machine(name, t.internet())
	m.must("init", "--name", "lab", "--node", name)
	m.up("--public", m.address+":41820")
	t.until(readyTime, name+" leads", func() bool {
		status, err := read[struct{ Leader string }](m, "status")
		return err == nil && status.Leader == name
	})
	return m
}

// enrol lets a machine in without starting it.
func (t *teller) enrol(by *machine, name string, p *place, flags ...string) *machine {
	m := t.machine(name, p)
	link := want[struct{ Link string }](by, append([]string{"invite"}, flags...)...).Link
	claim := want[struct{ ID string }](m, "join", link, "--name", name, "--yes", "--no-wait")
	by.must("approve", claim.ID, "--yes")
	t.say("%s, at %s, was let in by %s", name, m.address, by.name)
	return m
}

// technician lets in one that may do everything everywhere.
func (t *teller) technician(by *machine, name string, p *place) *machine {
	return t.enrol(by, name, p, "--role", "technician", "--admin")
}

// ping asks once and tells the path.
func (m *machine) ping(to string) (path, bool) {
	answer, err := read[struct {
		OK   bool
		Path path
	}](m, "ping", to)
	return answer.Path, err == nil && answer.OK
}

// reaches waits until m has a path of the kind wanted to another machine.
func (m *machine) reaches(to string, limit time.Duration, what string, right func(path) bool) (path, time.Duration) {
	var last path
	took := m.t.until(limit, m.name+" reaches "+to+" "+what, func() bool {
		p, ok := m.ping(to)
		if ok {
			last = p
		}
		return ok && right(p)
	})
	m.t.say("%s reaches %s: %s", m.name, to, last)
	return last, took
}

// sees checks that peers says of another machine what ping does.
func (t *teller) sees(m *machine, other string, right func(path) bool) {
	var last path
	t.until(10*time.Second, m.name+"'s list of peers tells the path to "+other, func() bool {
		peers := want[[]struct {
			Name   string
			Online bool
			Path   path
		}](m, "peers")
		for _, p := range peers {
			if p.Name == other {
				last = p.Path
				return p.Online && right(p.Path)
			}
		}
		return false
	})
	t.say("%s lists %s: %s", m.name, other, last)
}

// status is what a machine says of itself and its mesh.
type status struct {
	Leader   string
	Revision uint64
}

func (m *machine) status() status { return want[status](m, "status") }

// council founds a mesh of three controllers that vote, all on the internet.
func (t *teller) council() []*machine {
	c1 := t.found("c1")
	all := []*machine{c1}
	for _, name := range []string{"c2", "c3"} {
		c := t.enrol(c1, name, t.internet(), "--role", "controller")
		c.up("--public", c.address+":41820")
		c1.must("controllers", "add", name)
		t.say("%s votes", name)
		all = append(all, c)
	}
	return all
}
