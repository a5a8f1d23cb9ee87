package policy

import (
	"errors"
	"fmt"
	"slices"
)

// Question asks for all of Src on all of Dst: for a Verb as User, or for IP.
type Question struct {
	Src, Dst Selector
	Verb     Verb
	// User is empty where the technician's own name is meant.
	User string
	// IP is one port, or ICMP.
	IP Ports
}

// Answer says whether every pair of a Question is allowed, and why.
type Answer struct {
	Allowed bool
	// Grants are the places in Policy.Grants of those that allow some pair.
	Grants []int
	// Reasons are sentences without a full stop, at most maxReasons: of what is
	// denied, else of what is allowed.
	Reasons []string
	// Missing is a grant in a policy's words that would allow it; empty where
	// none would, or none is missing.
	Missing string
}

const maxReasons = 8

// ParseQuestion reads the words of a question as a policy would; user may be
// empty. The error is one sentence, without a place.
func ParseQuestion(src, dst, verb, user string) (Question, error) {
	q := Question{User: user}
	var err error
	if q.Src, err = parseSelector(src, source()); err != nil {
		return q, err
	}
	if q.Dst, err = parseSelector(dst, destination()); err != nil {
		return q, err
	}
	if slices.Contains(Verbs(), Verb(verb)) {
		q.Verb = Verb(verb)
		if user == "*" {
			return q, fmt.Errorf(`a question is about one user, not "*"`)
		}
		return q, nil
	}
	p, why := parsePorts(verb)
	switch {
	case why != "":
		return q, fmt.Errorf("unknown verb %s; verbs are %s; packets are tcp:PORT, udp:PORT or icmp", quote(verb),
			join(Verbs(), func(v Verb) string { return string(v) }))
	case p.Protocol == Any || p.First != p.Last:
		return q, fmt.Errorf("a question is about one verb, one port or icmp, not %s", p)
	case user != "":
		return q, fmt.Errorf("packets have no user; a user goes with %s, %s and %s", Shell, Files, Run)
	}
	q.IP = p
	return q, nil
}

func parseSelector(word string, side side) (Selector, error) {
	s, fits := readSelector(word, side)
	if !fits {
		return s, errors.New(side.mistake(word))
	}
	return s, nil
}

// Unknown gives the first selector of q that means nobody: neither a member in
// dir nor anything in p speaks of it.
func (p *Policy) Unknown(q Question, dir Directory) (Selector, bool) {
	x := newIndex(dir)
	spoken := func(s Selector) bool {
		for o := range p.selectors() {
			if o.Kind == s.Kind && o.Name == s.Name {
				return true
			}
		}
		return slices.ContainsFunc(p.Groups, func(g Group) bool {
			return s.Kind == InGroup && g.Name == s.Name ||
				s.Kind == Name && slices.ContainsFunc(g.Members, func(m Member) bool { return m.Name == s.Name })
		}) || s.Kind == WithTag && slices.ContainsFunc(p.Tags, func(t Tag) bool { return t.Name == s.Name })
	}
	if s := q.Src; s.Kind != Everyone && s.Kind != InRole && !x.isTechnician(s.Name) && x.senders(p, s).empty() && !spoken(s) {
		return s, true
	}
	if s := q.Dst; s.Kind != Everyone && s.Kind != InRole && x.targets(s).empty() && !spoken(s) {
		return s, true
	}
	return Selector{}, false
}

// Explain answers q for the members in dir. Where nobody is what a selector
// names, it answers for an imagined member and says so.
func (p *Policy) Explain(q Question, dir Directory) Answer {
	asked := &Policy{Groups: p.Groups, Tests: []Test{{Src: q.Src, Verb: q.Verb, User: q.User, IP: q.IP, Allow: []Selector{q.Dst}}}}
	t := &tester{c: Compile(p, dir.imagine(asked)), devices: len(dir.Devices), technicians: len(dir.Technicians)}
	test := asked.Tests[0]
	e := &explainer{t: t, test: test}
	sources := t.sources(test)
	targets := pick(q.Dst, t.c.x.targets(q.Dst), t.devices)
	switch {
	case test.Verb != "" && sources.empty() && q.Src.Kind == Name && t.c.x.named(q.Src.Name) != nil:
		e.deny("%s is a device, and only technicians use verbs", q.Src)
	case test.Verb != "" && q.Src.Kind == WithTag:
		e.deny("%s names machines, and only technicians use verbs", q.Src)
	case sources.empty():
		e.deny("%s", t.nobody(test))
	case targets.empty():
		e.deny("no device in force is called %s", q.Dst)
	default:
		e.pairs(sources, targets)
	}
	return e.answer(q)
}

// explainer collects what is said of the pairs of one question.
type explainer struct {
	t       *tester
	test    Test
	grants  []int
	yes, no []string
	tried   bool // there are pairs
	beyond  bool // something that no grant changes is in the way
}

func (e *explainer) deny(format string, args ...any) {
	e.no = append(e.no, fmt.Sprintf(format, args...))
}

func (e *explainer) pairs(sources, targets set) {
	pairs := 0
	for s := range sources.all() {
		allowed := e.t.allowed(e.test, s)
		for d := range targets.all() {
			if e.test.Verb == "" && s == d {
				continue
			}
			pairs++
			e.beyond = e.beyond || e.noGrantHelps(s, d)
			if allowed.has(d) && len(e.yes) >= maxReasons || !allowed.has(d) && len(e.no) >= maxReasons {
				continue // decided, and told often enough
			}
			e.pair(s, d)
		}
	}
	e.tried = pairs > 0
	if pairs == 0 {
		e.deny("source and destination are one machine; its packets to itself pass no filter")
	}
}

// noGrantHelps tells whether a pair is denied by what stands above the policy.
func (e *explainer) noGrantHelps(s, d int) bool {
	x := e.t.c.x
	return e.test.Verb != "" && (x.byod.has(d) && !e.test.Verb.onBYOD() || x.nodes[s] < 0)
}

func (e *explainer) pair(s, d int) {
	c := e.t.c
	decision := e.t.decide(e.test, s, d)
	if decision.Grant >= 0 && !slices.Contains(e.grants, decision.Grant) {
		e.grants = append(e.grants, decision.Grant)
	}
	switch {
	case !decision.Allowed:
		e.no = append(e.no, decision.Reason)
		if len(e.no) == 1 && !e.noGrantHelps(s, d) {
			e.near(s, d)
		}
	case e.test.Verb != "" && c.x.nodes[s] < 0:
		e.deny("%s, but the machine %s works from is no member in force", decision.Reason, c.x.dir.Technicians[s].Name)
	default:
		e.yes = append(e.yes, decision.Reason)
	}
}

// near tells which grants lack one thing only to allow a pair.
func (e *explainer) near(s, d int) {
	c, what := e.t.c, string(e.test.Verb)
	if e.test.Verb == "" {
		what = e.test.IP.String()
	}
	where := c.x.dir.Devices[d].Name
	for i, g := range c.grants {
		if len(e.no) >= maxReasons {
			return
		}
		var from, has bool
		if e.test.Verb == "" {
			from = g.senders.has(s)
			has = slices.ContainsFunc(g.IP, func(p Ports) bool { return p.contains(e.test.IP.Protocol, e.test.IP.First) })
		} else {
			from, has = g.people.has(s), g.verbs&e.test.Verb.bit() != 0
		}
		to := g.targets.has(d)
		switch {
		case from && has && !to:
			e.deny("%s gives %s on %s, not on %s", c.name(i), what, join(g.Dst, Selector.String), where)
		case !from && has && to:
			e.deny("%s gives %s on %s to %s", c.name(i), what, where, join(g.Src, Selector.String))
		case from && !has && to:
			e.deny("%s gives %s on %s, not %s", c.name(i), g.gives(e.test), where, what)
		}
	}
}

// gives are the words of the half of a grant that a test is about.
func (g *Grant) gives(test Test) string {
	if test.Verb == "" {
		return join(g.IP, Ports.String)
	}
	return join(g.Verbs, func(v Verb) string { return string(v) })
}

func (e *explainer) answer(q Question) Answer {
	a := Answer{Allowed: len(e.no) == 0, Grants: e.grants, Reasons: e.no}
	slices.Sort(a.Grants)
	if a.Allowed {
		a.Reasons = e.yes
	} else if e.tried && !e.beyond {
		a.Missing = q.grant()
	}
	return a
}

// grant writes what would allow the question.
func (q Question) grant() string {
	if q.Verb == "" {
		return fmt.Sprintf(`{"src": [%q], "dst": [%q], "ip": [%q]}`, q.Src, q.Dst, q.IP)
	}
	out := fmt.Sprintf(`{"src": [%q], "dst": [%q], "verbs": [%q]`, q.Src, q.Dst, q.Verb)
	if q.Verb.TakesUser() {
		user := q.User
		if user == "" && q.Src.Kind == Name {
			user = q.Src.Name
		}
		if user == "" {
			user = "*"
		}
		out += fmt.Sprintf(`, "users": [%q]`, user)
	}
	return out + "}"
}
