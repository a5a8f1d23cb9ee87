package invite

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// Bounds of a claim's facts.
const (
	MaxFacts = 16
	// MaxFact bounds a fact's name and its value, in bytes.
	MaxFact = 256
)

// Claim is a machine's answer to an invite.
type Claim struct {
	Mesh    identity.MeshID
	Invite  ID
	Node    identity.NodeID
	NodeKey ed25519.PublicKey
	Name    string
	// Keys are the node's WireGuard and disco keys, KeysStatement their proof.
	Keys          identity.Keys
	KeysStatement *warrenv1.Statement
	// Facts are what the machine says of itself: for a person to read, never
	// to decide by.
	Facts map[string]string
	// Nonce is what the controller gave; the controller compares it.
	Nonce [32]byte
	// Technician is the key of a joining technician, else nil.
	Technician ed25519.PublicKey
	// IPv4 is the address the machine asks for where the invite needs no
	// approval, else the zero Addr.
	IPv4 netip.Addr
	Time time.Time
}

// SignClaim fills c's node and technician from the keys and signs it with the
// invite key, the node key and, for the role technician, that key too; else
// technician is nil. A claim that breaks a rule is not signed.
func SignClaim(c *warrenv1.Claim, secret Secret, node identity.NodeKey, technician ed25519.PrivateKey) (*warrenv1.Statement, error) {
	c = proto.CloneOf(c)
	c.Node = node.Public()
	keys := []ed25519.PrivateKey{Key(secret), node.Signer()}
	if technician != nil {
		pub, _ := technician.Public().(ed25519.PublicKey)
		c.Technician = pub
		keys = append(keys, technician)
	}
	if _, err := claimShape(c); err != nil {
		return nil, err
	}
	return identity.Sign(identity.TypeClaim, c, keys...)
}

// OpenClaim verifies a claim on inv: signed by exactly the invite key, the
// node key and, for the role technician, the technician's key; the node's own
// key statement inside. It asks neither for the time nor whether the invite
// was used before.
func OpenClaim(s *warrenv1.Statement, inv Invite) (Claim, error) {
	var m warrenv1.Claim
	signers, err := identity.Open(s, identity.TypeClaim, &m)
	if err != nil {
		return Claim{}, errors.Join(ErrInvalid, err)
	}
	c, err := claimShape(&m)
	if err != nil {
		return Claim{}, err
	}
	if c.Mesh != inv.Mesh || c.Invite != inv.ID {
		return Claim{}, fmt.Errorf("%w: the claim is for another invite", ErrInvalid)
	}
	if (c.Technician != nil) != (inv.Role == RoleTechnician) {
		return Claim{}, fmt.Errorf("%w: a technician's key belongs to the role technician", ErrInvalid)
	}
	if inv.Approval {
		c.IPv4 = netip.Addr{}
	} else if !c.IPv4.IsValid() {
		return Claim{}, fmt.Errorf("%w: a claim without approval has to name its IPv4 address", ErrInvalid)
	}
	due := []ed25519.PublicKey{inv.Key, c.NodeKey}
	if c.Technician != nil {
		due = append(due, c.Technician)
	}
	// Were one key to stand for two, a stranger's signature would fill the gap.
	if inv.Key.Equal(c.NodeKey) || inv.Key.Equal(c.Technician) || c.NodeKey.Equal(c.Technician) {
		return Claim{}, fmt.Errorf("%w: one key in two parts", ErrInvalid)
	}
	// Open has seen to it that no key signed twice.
	if len(signers) != len(due) {
		return Claim{}, fmt.Errorf("%w: claim with %d signatures, want %d", ErrInvalid, len(signers), len(due))
	}
	for _, key := range due {
		if !signers.Has(key) {
			return Claim{}, fmt.Errorf("%w: claim not signed by the invite's and the machine's own keys", ErrInvalid)
		}
	}
	return c, nil
}

func claimShape(m *warrenv1.Claim) (Claim, error) {
	c := Claim{
		NodeKey: m.GetNode(), Node: identity.NodeIDOf(m.GetNode()), Name: m.GetName(), KeysStatement: m.GetKeys(),
		Facts: maps.Clone(m.GetFacts()), Time: time.UnixMilli(m.GetTime()).UTC(),
	}
	fits := take(c.Mesh[:], m.GetMesh()) && take(c.Invite[:], m.GetInvite()) && take(c.Nonce[:], m.GetNonce()) &&
		len(c.NodeKey) == ed25519.PublicKeySize
	if !fits {
		return Claim{}, fmt.Errorf("%w: a mesh, invite, nonce or key of the wrong size", ErrInvalid)
	}
	if !identity.ValidName(c.Name) {
		return Claim{}, fmt.Errorf("%w: name %.80q, want 1 to 63 of a-z, 0-9 and '-'", ErrInvalid, c.Name)
	}
	if m.GetTime() < 0 {
		return Claim{}, fmt.Errorf("%w: a time before 1970", ErrInvalid)
	}
	if len(m.GetTechnician()) != 0 {
		if len(m.GetTechnician()) != ed25519.PublicKeySize {
			return Claim{}, fmt.Errorf("%w: a technician's key of the wrong size", ErrInvalid)
		}
		c.Technician = m.GetTechnician()
	}
	if len(m.GetIpv4()) != 0 {
		var a [4]byte
		if !take(a[:], m.GetIpv4()) {
			return Claim{}, fmt.Errorf("%w: an IPv4 address of the wrong size", ErrInvalid)
		}
		c.IPv4 = netip.AddrFrom4(a)
	}
	if len(c.Facts) > MaxFacts {
		return Claim{}, fmt.Errorf("%w: %d facts, want at most %d", ErrInvalid, len(c.Facts), MaxFacts)
	}
	for k, v := range c.Facts {
		if k == "" || !identity.ValidText(k, MaxFact) || !identity.ValidText(v, MaxFact) {
			return Claim{}, fmt.Errorf("%w: fact %.40q is not printable or over %d bytes", ErrInvalid, k, MaxFact)
		}
	}
	keys, err := identity.OpenKeys(c.KeysStatement, c.Mesh)
	if err != nil {
		return Claim{}, errors.Join(ErrInvalid, err)
	}
	if keys.Node != c.Node {
		return Claim{}, fmt.Errorf("%w: the key statement is another machine's", ErrInvalid)
	}
	c.Keys = keys
	return c, nil
}
