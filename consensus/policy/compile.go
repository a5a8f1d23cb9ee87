package policy

import (
	"fmt"
	"slices"

	"warren/mesh/identity"
)

// Compiled answers questions about one Policy and one Directory. It is
// immutable. Compiling costs a few steps for each selector and 64 devices.
type Compiled struct {
	policy *Policy
	x      *index
	grants []compiled
}

// compiled is a Grant with its selectors looked up.
type compiled struct {
	*Grant
	verbs   verbSet
	people  set // technicians who have the verbs
	nodes   set // their machines
	senders set // machines that may send, where there is IP
	targets set
}

// Compile looks up every selector of p. A nil p allows nothing.
func Compile(p *Policy, dir Directory) *Compiled {
	if p == nil {
		p = &Policy{}
	}
	return compileOn(p, newIndex(dir))
}

func compileOn(p *Policy, x *index) *Compiled {
	c := &Compiled{policy: p, x: x, grants: make([]compiled, len(p.Grants))}
	for i := range p.Grants {
		g := compiled{
			Grant:   &p.Grants[i],
			people:  newSet(len(x.dir.Technicians)),
			senders: newSet(len(x.dir.Devices)),
			targets: newSet(len(x.dir.Devices)),
		}
		for _, v := range g.Verbs {
			g.verbs |= v.bit()
		}
		for _, s := range g.Src {
			if g.verbs != 0 {
				g.people.join(x.people(p, s))
			}
			if g.IP != nil {
				g.senders.join(x.senders(p, s))
			}
		}
		for _, s := range g.Dst {
			g.targets.join(x.targets(s))
		}
		g.nodes = x.nodesOf(g.people)
		c.grants[i] = g
	}
	return c
}

// Decision is an answer and why.
type Decision struct {
	Allowed bool
	// Grant is the place in Policy.Grants of the first grant that allows, or
	// -1 where none does.
	Grant int
	// Consent says that whoever is at the machine is asked first.
	Consent bool
	// Reason is a sentence for people, without a full stop.
	Reason string
}

func denied(format string, args ...any) Decision {
	return Decision{Grant: -1, Reason: fmt.Sprintf(format, args...)}
}

// Verb says whether the technician of that name may use verb on device as the
// OS user. user is ignored for verbs that take none.
func (c *Compiled) Verb(technician string, device identity.NodeID, verb Verb, user string) Decision {
	t, ok := c.x.technicians[technician]
	if !ok {
		return denied("no technician in force is called %s", technician)
	}
	d, ok := c.x.byID[device]
	if !ok {
		return denied("no device in force has the id %s", device)
	}
	return c.verb(t, d, verb, user)
}

func (c *Compiled) verb(t, d int, verb Verb, user string) Decision {
	who, where := c.x.dir.Technicians[t].Name, c.x.dir.Devices[d].Name
	bit := verb.bit()
	if bit == 0 {
		return denied("%q is not a verb", string(verb))
	}
	byod := c.x.byod.has(d)
	if byod && !verb.onBYOD() {
		return denied("%s belongs to its user, who can be asked for %s and %s alone, not for %s", where, View, Control, verb)
	}
	otherUser, asked := -1, -1
	for i, g := range c.grants {
		if g.verbs&bit == 0 || !g.people.has(t) || !g.targets.has(d) {
			continue
		}
		if verb.TakesUser() && !allowsUser(g.Users, user) {
			otherUser = i
			continue
		}
		if verb.Watches() && (g.Consent || byod) {
			if asked < 0 {
				asked = i
			}
			continue
		}
		return Decision{Allowed: true, Grant: i, Reason: fmt.Sprintf("%s lets %s use %s on %s", c.name(i), who, verb, where) + c.clipboardWords(t, d, verb)}
	}
	if asked >= 0 {
		return Decision{
			Allowed: true, Grant: asked, Consent: true,
			Reason: fmt.Sprintf("%s lets %s use %s on %s when whoever is there agrees", c.name(asked), who, verb, where) + c.clipboardWords(t, d, verb),
		}
	}
	if otherUser >= 0 {
		return denied("%s lets %s use %s on %s, but not as %s", c.name(otherUser), who, verb, where, userWord(user))
	}
	return denied("no grant lets %s use %s on %s", who, verb, where)
}

// onBYOD reports whether the verb is ever allowed on a machine that belongs to
// its user: what the user can be asked for, there and then.
func (v Verb) onBYOD() bool { return v == Ping || v.Watches() }

// byodVerbs are those that onBYOD says.
func byodVerbs() verbSet { return Ping.bit() | View.bit() | Control.bit() }

// clipboard is in which directions copies travel between the two: what any
// grant of Control gives.
func (c *Compiled) clipboard(t, d int) Clipboard {
	var out Clipboard
	for _, g := range c.grants {
		if g.verbs&Control.bit() != 0 && g.people.has(t) && g.targets.has(d) {
			out |= g.Clipboard
		}
	}
	return out
}

// clipboardWords tell what is not as people expect.
func (c *Compiled) clipboardWords(t, d int, verb Verb) string {
	if verb != Control {
		return ""
	}
	switch c.clipboard(t, d) {
	case ClipboardIn:
		return ", copying to it only"
	case ClipboardOut:
		return ", copying from it only"
	case 0:
		return ", without its clipboard"
	}
	return ""
}

// name is how messages call a grant: people find it by its line.
func (c *Compiled) name(grant int) string {
	return fmt.Sprintf("grant %d (line %d)", grant+1, c.policy.Grants[grant].Line)
}

func userWord(user string) string {
	if user == "" {
		return "a user without a name"
	}
	return user
}

// IP says whether src may send packets of proto (not Any) to port on dst. For
// ICMP the port is ignored, and it is enough that the two may meet.
func (c *Compiled) IP(src, dst identity.NodeID, proto Protocol, port uint16) Decision {
	s, ok := c.x.byID[src]
	if !ok {
		return denied("no device in force has the id %s", src)
	}
	d, ok := c.x.byID[dst]
	if !ok {
		return denied("no device in force has the id %s", dst)
	}
	return c.ip(s, d, proto, port)
}

func (c *Compiled) ip(s, d int, proto Protocol, port uint16) Decision {
	from, to := c.x.dir.Devices[s].Name, c.x.dir.Devices[d].Name
	what := Ports{Protocol: proto, First: port, Last: port}
	switch {
	case s == d:
		return denied("%s is one machine; its packets to itself pass no filter", from)
	case proto != TCP && proto != UDP && proto != ICMP:
		return denied("packets are tcp, udp or icmp")
	}
	for i, g := range c.grants {
		if g.senders.has(s) && g.targets.has(d) && slices.ContainsFunc(g.IP, func(p Ports) bool { return p.contains(proto, port) }) {
			return Decision{Allowed: true, Grant: i, Reason: fmt.Sprintf("%s lets %s send %s to %s", c.name(i), from, what, to)}
		}
	}
	if proto == ICMP && c.meet(s, d) {
		return Decision{Allowed: true, Grant: -1, Reason: fmt.Sprintf("%s and %s may meet, and peers may ping each other", from, to)}
	}
	return denied("no grant lets %s send %s to %s", from, what, to)
}
