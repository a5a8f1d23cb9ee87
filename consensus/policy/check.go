package policy

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"warren/mesh/identity"
)

// Check runs the policy's own tests against the members in dir. The error is
// of type Errors: each expectation that does not hold, at its place.
//
// A policy may be written before the machines join: where no member has a tag
// or role, or members of a group are no technicians yet, the test is run for
// imagined ones that have nothing else. Any other name that nobody has fails
// its test: nothing is known of who will bear it, and it may be misspelt.
func (p *Policy) Check(dir Directory) error {
	t := &tester{c: Compile(p, dir.imagine(p)), devices: len(dir.Devices), technicians: len(dir.Technicians)}
	for _, one := range p.Tests {
		t.run(one)
		if len(t.errs) >= MaxErrors {
			break
		}
	}
	return t.errs.sorted()
}

// imagine gives the directory with what the tests name and nobody has yet.
func (d Directory) imagine(p *Policy) Directory {
	x := newIndex(d)
	out := Directory{Devices: slices.Clone(d.Devices), Technicians: slices.Clone(d.Technicians)}
	done := map[string]bool{}
	device := func(s Selector, dev Device) {
		if !done[s.String()] {
			done[s.String()] = true
			sum := sha256.Sum256([]byte("imagined " + s.String()))
			dev.ID, dev.Name = identity.NodeID(sum[:16]), "a machine with "+s.String()
			out.Devices = append(out.Devices, dev)
		}
	}
	for _, t := range p.Tests {
		for _, s := range slices.Concat([]Selector{t.Src}, t.Allow, t.Deny) {
			switch {
			case s.Kind == WithTag && x.tags[s.Name] == nil:
				device(s, Device{Tags: []string{s.Name}, Roles: []string{"device"}})
			case s.Kind == InRole && s.Name != "admin" && x.roles[s.Name] == nil:
				device(s, Device{Roles: []string{s.Name}})
			case s.Kind == InGroup && x.people(p, s).empty():
				for _, m := range p.members(s.Name) {
					out.imagineTechnician(m.Name)
				}
			}
		}
		if p.inGroup(t.Src) && !x.isTechnician(t.Src.Name) && x.named(t.Src.Name) == nil {
			out.imagineTechnician(t.Src.Name)
		}
	}
	return out
}

// inGroup reports whether s is the bare name of a member of a group.
func (p *Policy) inGroup(s Selector) bool {
	return s.Kind == Name && slices.ContainsFunc(p.Groups, func(g Group) bool {
		return slices.ContainsFunc(g.Members, func(m Member) bool { return m.Name == s.Name })
	})
}

func (d *Directory) imagineTechnician(name string) {
	if slices.ContainsFunc(d.Technicians, func(t Technician) bool { return t.Name == name }) {
		return
	}
	sum := sha256.Sum256([]byte("imagined node of " + name))
	node := Device{ID: identity.NodeID(sum[:16]), Name: "the node of " + name, Roles: []string{"technician"}}
	d.Devices = append(d.Devices, node)
	d.Technicians = append(d.Technicians, Technician{Name: name, Node: node.ID})
}

type tester struct {
	c *Compiled
	// How many exist; imagined ones come after them.
	devices, technicians int
	errs                 Errors
}

func (t *tester) fail(at Place, format string, args ...any) {
	t.errs = append(t.errs, at.errorf(format, args...))
}

func (t *tester) run(test Test) {
	sources := t.sources(test)
	if sources.empty() {
		t.fail(test.Src.Place, "%s", t.nobody(test))
		return
	}
	for _, s := range test.Allow {
		t.expect(test, s, sources, true)
	}
	for _, s := range test.Deny {
		t.expect(test, s, sources, false)
	}
}

// sources are the technicians or machines that a test speaks of.
func (t *tester) sources(test Test) set {
	if test.Verb != "" {
		return pick(test.Src, t.c.x.people(t.c.policy, test.Src), t.technicians)
	}
	return pick(test.Src, t.c.x.senders(t.c.policy, test.Src), t.devices)
}

// pick keeps what is imagined, from position end on, out of "*".
func pick(s Selector, found set, end int) set {
	if s.Kind != Everyone {
		return found
	}
	out := slices.Clone(found)
	for i := range found.all() {
		if i >= end {
			out.remove(i)
		}
	}
	return out
}

func (t *tester) nobody(test Test) string {
	switch {
	case test.Verb != "" && test.Src.Kind == Name:
		return fmt.Sprintf("no technician is called %s", test.Src)
	case test.Src.Kind == Name && t.c.x.isTechnician(test.Src.Name):
		return fmt.Sprintf("the node of %s is no member", test.Src)
	case test.Src.Kind == Name:
		return fmt.Sprintf("no technician and no device is called %s", test.Src)
	}
	if test.Verb == "" {
		return fmt.Sprintf("no machine in force belongs to %s", test.Src)
	}
	return fmt.Sprintf("no technician in force is in %s", test.Src)
}

// expect reports the first pair that is not as it should be.
func (t *tester) expect(test Test, dst Selector, sources set, want bool) {
	targets := pick(dst, t.c.x.targets(dst), t.devices)
	if targets.empty() {
		t.fail(dst.Place, "no device is called %s", dst)
		return
	}
	pairs := 0
	for s := range sources.all() {
		allowed := t.allowed(test, s)
		for d := range targets.all() {
			if test.Verb == "" && s == d {
				continue
			}
			pairs++
			if allowed.has(d) == want {
				continue
			}
			verb := "denied"
			if want {
				verb = "allowed"
			}
			t.fail(dst.Place, "should be %s: %s", verb, t.decide(test, s, d).Reason)
			return
		}
	}
	if pairs == 0 {
		t.fail(dst.Place, "%s is the source itself; the test tests nothing", dst)
	}
}

func (t *tester) decide(test Test, s, d int) Decision {
	if test.Verb == "" {
		return t.c.ip(s, d, test.IP.Protocol, test.IP.First)
	}
	return t.c.verb(s, d, test.Verb, t.user(test, s))
}

func (t *tester) user(test Test, technician int) string {
	if test.User == "" {
		return t.c.x.dir.Technicians[technician].Name
	}
	return test.User
}

// allowed are the devices where one source of a test is let through; as sets,
// because "*" to "*" at 5,000 devices would take too long pair by pair.
func (t *tester) allowed(test Test, source int) set {
	if test.Verb == "" {
		return t.c.receivers(source, test.IP.Protocol, test.IP.First)
	}
	return t.c.reach(source, test.Verb, t.user(test, source))
}

func (x *index) isTechnician(name string) bool {
	_, ok := x.technicians[name]
	return ok
}

// reach are the devices on which technician t may use verb.
func (c *Compiled) reach(t int, verb Verb, user string) set {
	out := newSet(len(c.x.dir.Devices))
	for _, g := range c.grants {
		if g.verbs&verb.bit() != 0 && g.people.has(t) && (!verb.TakesUser() || allowsUser(g.Users, user)) {
			out.join(g.targets)
		}
	}
	if !verb.onBYOD() {
		out = out.without(c.x.byod)
	}
	return out
}

// receivers are the devices to which device s may send.
func (c *Compiled) receivers(s int, proto Protocol, port uint16) set {
	out := newSet(len(c.x.dir.Devices))
	for _, g := range c.grants {
		if g.senders.has(s) && slices.ContainsFunc(g.IP, func(p Ports) bool { return p.contains(proto, port) }) {
			out.join(g.targets)
		}
	}
	if proto == ICMP {
		out.join(c.peers(s))
	}
	out.remove(s)
	return out
}
