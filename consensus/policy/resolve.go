package policy

import (
	"iter"
	"slices"

	"warren/mesh/identity"
)

// SessionGrant is what one technician may do on one device.
type SessionGrant struct {
	Grant      int // place in Policy.Grants
	Technician *Technician
	// Verbs are in the order of Verbs.
	Verbs []Verb
	// Users are as in the policy; empty where no verb takes one.
	Users []string
	// Consent and Clipboard are the grant's; where the machine belongs to its
	// user, that user is always asked.
	Consent   bool
	Clipboard Clipboard
}

// Sessions gives what technicians may do on device, by technician as in the
// Directory, then by grant. What the ownership of the device forbids is left
// out already.
func (c *Compiled) Sessions(device identity.NodeID) []SessionGrant {
	d, ok := c.x.byID[device]
	if !ok {
		return nil
	}
	var out []SessionGrant
	for i, g := range c.grants {
		verbs := g.verbs
		byod := c.x.byod.has(d)
		if byod {
			verbs &= byodVerbs()
		}
		if verbs == 0 || !g.targets.has(d) {
			continue
		}
		list := verbs.list()
		users := g.Users
		if !slices.ContainsFunc(list, Verb.TakesUser) {
			users = nil
		}
		for t := range g.people.all() {
			out = append(out, SessionGrant{i, &c.x.dir.Technicians[t], list, users, g.Consent || byod, g.Clipboard})
		}
	}
	at := func(g SessionGrant) int { return c.x.technicians[g.Technician.Name] }
	slices.SortStableFunc(out, func(a, b SessionGrant) int { return at(a) - at(b) })
	return out
}

// PacketGrant is what machines may send to one device.
type PacketGrant struct {
	Grant int // place in Policy.Grants
	// From are the machines, in the order of the Directory, without the
	// device itself; never empty.
	From []*Device
	IP   []Ports
}

// Packets gives what machines may send to device, by grant.
func (c *Compiled) Packets(device identity.NodeID) []PacketGrant {
	d, ok := c.x.byID[device]
	if !ok {
		return nil
	}
	var out []PacketGrant
	for i, g := range c.grants {
		if g.IP == nil || !g.targets.has(d) {
			continue
		}
		p := PacketGrant{Grant: i, IP: g.IP}
		for s := range g.senders.all() {
			if s != d {
				p.From = append(p.From, &c.x.dir.Devices[s])
			}
		}
		if p.From != nil {
			out = append(out, p)
		}
	}
	return out
}

// Peers gives the machines that device may meet at all, in the order of the
// Directory: a controller meets everyone, a technician's node every machine on
// which the technician has a verb, and two machines meet where either may send
// to the other. It is symmetric.
func (c *Compiled) Peers(device identity.NodeID) iter.Seq[*Device] {
	return func(yield func(*Device) bool) {
		d, ok := c.x.byID[device]
		if !ok {
			return
		}
		for i := range c.peers(d).all() {
			if !yield(&c.x.dir.Devices[i]) {
				return
			}
		}
	}
}

func (c *Compiled) peers(d int) set {
	controllers := c.x.roles["controller"]
	if controllers != nil && controllers.has(d) {
		out := slices.Clone(c.x.everyDevice)
		out.remove(d)
		return out
	}
	out := newSet(len(c.x.dir.Devices))
	out.join(controllers)
	for _, g := range c.grants {
		if g.targets.has(d) {
			out.join(g.senders)
		}
		if g.senders.has(d) {
			out.join(g.targets)
		}
		reached := c.reached(g)
		if reached.has(d) {
			out.join(g.nodes)
		}
		if g.nodes.has(d) {
			out.join(reached)
		}
	}
	out.remove(d)
	return out
}

// reached are the machines on which the grant's verbs mean anything.
func (c *Compiled) reached(g compiled) set {
	switch {
	case g.verbs == 0:
		return newSet(len(c.x.dir.Devices))
	case g.verbs&byodVerbs() != 0:
		return g.targets
	}
	return g.targets.without(c.x.byod)
}

func (c *Compiled) meet(a, b int) bool { return a != b && c.peers(a).has(b) }
