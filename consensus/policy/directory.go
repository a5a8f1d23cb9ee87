package policy

import (
	"crypto/ed25519"
	"net/netip"
	"slices"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// Directory is who and what a policy speaks about: the members in force. Names
// are unique among devices and among technicians. It is read only once it has
// been given to Compile or Check.
type Directory struct {
	Devices     []Device
	Technicians []Technician
}

// Device is a machine of the mesh, whatever its role.
type Device struct {
	ID   identity.NodeID
	Name string
	// Tags are without "tag:".
	Tags []string
	// Roles are "controller", "gateway", "device", "technician", "rendezvous".
	Roles          []string
	Ownership      warrenv1.Ownership
	Site, Customer string
	// Addresses are the overlay addresses, IPv6 first.
	Addresses []netip.Addr
	// Sequence is the place of the record in the trust log.
	Sequence uint64
}

// BYOD reports whether the machine belongs to its user.
func (d *Device) BYOD() bool { return d.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD }

// Technician is a person who works from Node.
type Technician struct {
	Name  string
	Key   ed25519.PublicKey
	Admin bool
	Node  identity.NodeID
}

// index finds positions in a Directory.
type index struct {
	dir         Directory
	byID        map[identity.NodeID]int
	byName      map[string]int
	technicians map[string]int
	nodes       []int // position of each technician's node, or -1
	tags, roles map[string]set
	byod        set
	everyDevice set
}

func newIndex(dir Directory) *index {
	x := &index{
		dir:         dir,
		byID:        make(map[identity.NodeID]int, len(dir.Devices)),
		byName:      make(map[string]int, len(dir.Devices)),
		technicians: make(map[string]int, len(dir.Technicians)),
		nodes:       make([]int, len(dir.Technicians)),
		tags:        map[string]set{},
		roles:       map[string]set{},
		byod:        newSet(len(dir.Devices)),
		everyDevice: newSet(len(dir.Devices)),
	}
	for i := range dir.Devices {
		d := &dir.Devices[i]
		x.byID[d.ID] = i
		x.byName[d.Name] = i
		x.everyDevice.add(i)
		if d.BYOD() {
			x.byod.add(i)
		}
		x.mark(x.tags, d.Tags, i)
		x.mark(x.roles, d.Roles, i)
	}
	for i, t := range dir.Technicians {
		x.technicians[t.Name] = i
		x.nodes[i] = -1
		if n, ok := x.byID[t.Node]; ok {
			x.nodes[i] = n
		}
	}
	return x
}

func (x *index) mark(sets map[string]set, words []string, device int) {
	for _, w := range words {
		s, ok := sets[w]
		if !ok {
			s = newSet(len(x.dir.Devices))
			sets[w] = s
		}
		s.add(device)
	}
}

// people are the technicians that s means as a source.
func (x *index) people(p *Policy, s Selector) set {
	out := newSet(len(x.dir.Technicians))
	switch s.Kind {
	case Everyone:
		for i := range x.dir.Technicians {
			out.add(i)
		}
	case Name:
		if i, ok := x.technicians[s.Name]; ok {
			out.add(i)
		}
	case InGroup:
		for _, m := range p.members(s.Name) {
			if i, ok := x.technicians[m.Name]; ok {
				out.add(i)
			}
		}
	case InRole:
		for i, t := range x.dir.Technicians {
			if t.Admin && s.Name == "admin" {
				out.add(i)
			}
		}
	case WithTag:
	}
	return out
}

// senders are the machines that s means as a source of packets. A technician
// stands for their node, and hides a machine of the same name: whoever joins
// under a technician's name must not inherit what the technician may.
func (x *index) senders(p *Policy, s Selector) set {
	switch s.Kind {
	case Everyone:
		return x.everyDevice
	case WithTag:
		return x.tags[s.Name]
	case Name:
		if _, ok := x.technicians[s.Name]; !ok {
			return x.named(s.Name)
		}
	case InGroup, InRole:
	}
	return x.nodesOf(x.people(p, s))
}

func (x *index) nodesOf(people set) set {
	out := newSet(len(x.dir.Devices))
	for i := range people.all() {
		if x.nodes[i] >= 0 {
			out.add(x.nodes[i])
		}
	}
	return out
}

// targets are the machines that s means as a destination.
func (x *index) targets(s Selector) set {
	switch s.Kind {
	case Everyone:
		return x.everyDevice
	case WithTag:
		return x.tags[s.Name]
	case InRole:
		return x.roles[s.Name]
	case Name:
		return x.named(s.Name)
	case InGroup:
	}
	return nil
}

func (x *index) named(name string) set {
	i, ok := x.byName[name]
	if !ok {
		return nil
	}
	out := newSet(len(x.dir.Devices))
	out.add(i)
	return out
}

func (p *Policy) members(group string) []Member {
	i := slices.IndexFunc(p.Groups, func(g Group) bool { return g.Name == group })
	if i < 0 {
		return nil
	}
	return p.Groups[i].Members
}
