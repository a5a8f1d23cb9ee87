package policy

import (
	"crypto/sha256"
	"slices"

	"warren/mesh/identity"
)

// possible is one imagined member for each selector of either policy's grants,
// named by it: a member that nothing but that selector and "*" picks. Those that
// "*" alone picks come first, the machines of the technicians last.
func possible(before, after *Policy) Directory {
	m := &imaginary{seen: map[string]bool{}}
	m.device("*", Device{})
	for _, role := range destination().roles {
		m.device("role:"+role, Device{Roles: []string{role}})
	}
	m.technician("*", Technician{})
	m.technician("role:admin", Technician{Admin: true})
	for _, p := range []*Policy{before, after} {
		for _, g := range p.Groups {
			for _, one := range g.Members {
				m.technician(one.Name, Technician{})
			}
		}
		for _, g := range p.Grants {
			// A source may be a machine as well as a person. It sends the same
			// packets then as that person's machine.
			for _, s := range g.Src {
				m.selector(s, func() { m.technician(s.Name, Technician{}) })
			}
			for _, s := range g.Dst {
				m.selector(s, func() { m.device(s.Name, Device{}) })
			}
		}
	}
	return Directory{Devices: slices.Concat(m.devices, m.nodes), Technicians: m.technicians}
}

type imaginary struct {
	seen           map[string]bool
	devices, nodes []Device
	technicians    []Technician
}

func (m *imaginary) selector(s Selector, named func()) {
	switch s.Kind {
	case Name:
		named()
	case WithTag:
		m.device(s.String(), Device{Tags: []string{s.Name}})
	case Everyone, InGroup, InRole: // there from the start, or through the group's members
	}
}

func (m *imaginary) device(word string, d Device) {
	if m.seen["device "+word] {
		return
	}
	m.seen["device "+word] = true
	d.ID, d.Name = imagined("device "+word), word
	m.devices = append(m.devices, d)
}

func (m *imaginary) technician(word string, t Technician) {
	if m.seen["technician "+word] {
		return
	}
	m.seen["technician "+word] = true
	t.Name, t.Node = word, imagined("node of "+word)
	m.technicians = append(m.technicians, t)
	// No selector has a space in it: none picks this machine by its name.
	m.nodes = append(m.nodes, Device{ID: t.Node, Name: "node of " + word, Roles: []string{"technician"}})
}

func imagined(what string) identity.NodeID {
	sum := sha256.Sum256([]byte("imagined " + what))
	return identity.NodeID(sum[:16])
}
