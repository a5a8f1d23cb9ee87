package session

import (
	"bytes"
	"crypto/ed25519"
	"slices"

	"warren/mesh/identity"
)

// Any in a grant's verbs means every verb; in its users every user but root.
const Any = "*"

// root must be named in a grant: no wildcard covers it.
const root = "root"

// Plan is what this device accepts, from the signed policy it holds itself.
// The zero Plan accepts nothing.
type Plan struct {
	Mesh        identity.MeshID
	Self        identity.NodeID
	Technicians []Technician
	Grants      []Grant
}

// Technician is a person whose key is in the trust log, valid now and not
// revoked.
type Technician struct {
	Key  ed25519.PublicKey
	Name string
	// Node is the machine the technician works from.
	Node identity.NodeID
}

// Grant lets a technician do verbs as users on this device.
type Grant struct {
	Technician ed25519.PublicKey
	Verbs      []string
	Users      []string
}

// Technician finds the technician of a key.
func (p Plan) Technician(key []byte) (Technician, bool) {
	for _, t := range p.Technicians {
		if len(key) == ed25519.PublicKeySize && bytes.Equal(t.Key, key) {
			return t, true
		}
	}
	return Technician{}, false
}

// Authorise tells whether the technician with key may do verb as osUser. A no
// is a *Refusal. It reads nothing but the Plan.
func (p Plan) Authorise(key []byte, verb, osUser string) error {
	if _, known := p.Technician(key); !known {
		return &Refusal{Cause: CauseTechnician, Verb: verb, User: osUser}
	}
	cause := CauseTechnician
	for _, g := range p.Grants {
		if !bytes.Equal(g.Technician, key) {
			continue
		}
		cause = max(cause, CauseVerb)
		if !slices.Contains(g.Verbs, verb) && !slices.Contains(g.Verbs, Any) {
			continue
		}
		cause = max(cause, CauseUser)
		if slices.Contains(g.Users, osUser) || osUser != root && osUser != "" && slices.Contains(g.Users, Any) {
			return nil
		}
	}
	return &Refusal{Cause: cause, Verb: verb, User: osUser}
}
