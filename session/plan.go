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
	Rights
}

// Rights are how a verb may be done.
type Rights struct {
	// Consent: the person at the device is asked first, each time.
	Consent bool
	// ClipboardIn is from the technician to the device, ClipboardOut back.
	ClipboardIn, ClipboardOut bool
}

// Within reports whether r allows nothing that o does not.
func (r Rights) Within(o Rights) bool {
	return (r.Consent || !o.Consent) && (!r.ClipboardIn || o.ClipboardIn) && (!r.ClipboardOut || o.ClipboardOut)
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

// Authorise tells whether the technician with key may do verb as osUser, and
// how: grants add up, so nobody is asked where one of them asks nobody. A no is
// a *Refusal. It reads nothing but the Plan.
func (p Plan) Authorise(key []byte, verb, osUser string) (Rights, error) {
	if _, known := p.Technician(key); !known {
		return Rights{}, &Refusal{Cause: CauseTechnician, Verb: verb, User: osUser}
	}
	cause, granted, sum := CauseTechnician, false, Rights{Consent: true}
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
			granted = true
			sum.Consent = sum.Consent && g.Consent
			sum.ClipboardIn = sum.ClipboardIn || g.ClipboardIn
			sum.ClipboardOut = sum.ClipboardOut || g.ClipboardOut
		}
	}
	if granted {
		return sum, nil
	}
	return Rights{}, &Refusal{Cause: cause, Verb: verb, User: osUser}
}
