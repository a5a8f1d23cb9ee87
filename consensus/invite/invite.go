package invite

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// Bounds of an invite.
const (
	MaxUses     = 1000
	MaxLifetime = 7 * 24 * time.Hour
	MaxTags     = 32
	// MaxText bounds site, customer and the like, in bytes.
	MaxText = 128
)

// The roles an invite can give.
const (
	RoleDevice     = "device"
	RoleGateway    = "gateway"
	RoleController = "controller"
	RoleTechnician = "technician"
)

var (
	// ErrInvalid says that an invite or a claim breaks a rule whoever signed it.
	ErrInvalid = errors.New("invite not valid")
	// ErrUnauthorised says that who signed may not give what the invite gives.
	ErrUnauthorised = errors.New("invite signed by somebody who may not give it")
	// ErrRevoked says that the invite was taken back.
	ErrRevoked = errors.New("invite revoked")
	// ErrNotYet and ErrExpired say that now is outside the invite's time.
	ErrNotYet  = errors.New("invite not valid yet")
	ErrExpired = errors.New("invite expired")
	// ErrAhead says that the invite names a log head this log does not hold:
	// the log is an old one, or another.
	ErrAhead = errors.New("invite is newer than this trust log")
)

// Log is what an invite is judged by. A *trust.Log is one.
type Log interface {
	// Inviter names the technician whose key is given, if he may sign at that
	// time and is not revoked.
	Inviter(key []byte, at time.Time) (name string, admin bool, err error)
	// Contains reports whether the entry of that number has that hash.
	Contains(hash [32]byte, sequence uint64) bool
	// Revoked reports whether a target was revoked.
	Revoked(kind warrenv1.RevocationKind, target []byte) bool
}

// Invite is what a link's holder may become.
type Invite struct {
	Mesh      identity.MeshID
	ID        ID
	Key       ed25519.PublicKey
	Role      string
	Tags      []string
	Site      string
	Customer  string
	Ownership warrenv1.Ownership
	Admin     bool
	Uses      int
	NotBefore time.Time
	NotAfter  time.Time
	// Approval asks for a person's approval after the claim.
	Approval bool
	// Head and HeadSequence are the log's when the invite was made.
	Head         [32]byte
	HeadSequence uint64
	// Inviter is the name, Signer the key of the technician who invites.
	Inviter string
	Signer  ed25519.PublicKey
}

// Sign makes the statement of an invite with the technician's key. An invite
// that breaks a rule is not signed.
func Sign(inv *warrenv1.Invite, technician ed25519.PrivateKey) (*warrenv1.Statement, error) {
	if _, err := shape(inv); err != nil {
		return nil, err
	}
	return identity.Sign(identity.TypeInvite, inv, technician)
}

// Read checks what needs no log: the signature, the mesh and the rules every
// invite keeps. A joiner, and who stored an invite that Open took, use it.
func Read(s *warrenv1.Statement, mesh identity.MeshID) (Invite, error) {
	var m warrenv1.Invite
	signers, err := identity.Open(s, identity.TypeInvite, &m)
	if err != nil {
		return Invite{}, errors.Join(ErrInvalid, err)
	}
	if len(signers) != 1 {
		return Invite{}, fmt.Errorf("%w: %d signatures, want one", ErrInvalid, len(signers))
	}
	inv, err := shape(&m)
	if err != nil {
		return Invite{}, err
	}
	if inv.Mesh != mesh {
		return Invite{}, fmt.Errorf("%w: it belongs to another mesh", ErrInvalid)
	}
	inv.Signer = signers[0]
	return inv, nil
}

// Open is Read and the questions to the log: may the signer give this, was
// the invite revoked, and does the log hold the head the invite names. The
// time is Invite.At's.
func Open(s *warrenv1.Statement, mesh identity.MeshID, log Log) (Invite, error) {
	inv, err := Read(s, mesh)
	if err != nil {
		return Invite{}, err
	}
	name, admin, err := log.Inviter(inv.Signer, inv.NotBefore)
	if err != nil {
		return Invite{}, errors.Join(ErrUnauthorised, err)
	}
	if name != inv.Inviter {
		return Invite{}, fmt.Errorf("%w: it names %q, the key is %q's", ErrUnauthorised, inv.Inviter, name)
	}
	if !admin && inv.Role != RoleDevice {
		return Invite{}, fmt.Errorf("%w: only an admin invites a %s, %q is none", ErrUnauthorised, inv.Role, name)
	}
	if !admin && !inv.Approval {
		return Invite{}, fmt.Errorf("%w: only an admin waives approval, %q is none", ErrUnauthorised, name)
	}
	if log.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_INVITE, inv.ID[:]) {
		return Invite{}, ErrRevoked
	}
	if !log.Contains(inv.Head, inv.HeadSequence) {
		return Invite{}, ErrAhead
	}
	return inv, nil
}

// At reports whether the invite can be used now: nil, ErrNotYet or ErrExpired.
func (i Invite) At(now time.Time) error {
	switch {
	case now.Before(i.NotBefore):
		return fmt.Errorf("%w: from %s on", ErrNotYet, i.NotBefore.Format(time.RFC3339))
	case !now.Before(i.NotAfter):
		return fmt.Errorf("%w: at %s", ErrExpired, i.NotAfter.Format(time.RFC3339))
	}
	return nil
}

func shape(m *warrenv1.Invite) (Invite, error) {
	inv := Invite{
		Key: m.GetKey(), Role: m.GetRole(), Tags: m.GetTags(), Site: m.GetSite(), Customer: m.GetCustomer(),
		Ownership: m.GetOwnership(), Admin: m.GetAdmin(), Uses: int(m.GetUses()),
		NotBefore: time.Unix(m.GetNotBefore(), 0).UTC(), NotAfter: time.Unix(m.GetNotAfter(), 0).UTC(),
		Approval: m.GetApproval(), HeadSequence: m.GetHeadSequence(), Inviter: m.GetInviter(),
	}
	fits := take(inv.Mesh[:], m.GetMesh()) && take(inv.ID[:], m.GetId()) && take(inv.Head[:], m.GetHead()) &&
		len(m.GetKey()) == ed25519.PublicKeySize
	switch {
	case !fits:
		return Invite{}, fmt.Errorf("%w: a mesh, id, key or head of the wrong size", ErrInvalid)
	case !slices.Contains([]string{RoleDevice, RoleGateway, RoleController, RoleTechnician}, inv.Role):
		return Invite{}, fmt.Errorf("%w: role %.40q", ErrInvalid, inv.Role)
	case inv.Ownership != warrenv1.Ownership_OWNERSHIP_MANAGED && inv.Ownership != warrenv1.Ownership_OWNERSHIP_BYOD:
		return Invite{}, fmt.Errorf("%w: ownership %d", ErrInvalid, inv.Ownership)
	case inv.Admin && inv.Role != RoleTechnician:
		return Invite{}, fmt.Errorf("%w: a %s cannot be an admin", ErrInvalid, inv.Role)
	case !inv.Approval && (inv.Role != RoleDevice || inv.Ownership != warrenv1.Ownership_OWNERSHIP_MANAGED):
		return Invite{}, fmt.Errorf("%w: only a plain managed device may go without approval", ErrInvalid)
	case m.GetUses() == 0 || m.GetUses() > MaxUses:
		return Invite{}, fmt.Errorf("%w: %d uses, want 1 to %d", ErrInvalid, m.GetUses(), MaxUses)
	case m.GetNotBefore() < 0 || m.GetNotAfter() <= m.GetNotBefore() || m.GetNotAfter()-m.GetNotBefore() > int64(MaxLifetime/time.Second):
		return Invite{}, fmt.Errorf("%w: it must end after it begins, and within %s", ErrInvalid, MaxLifetime)
	case !identity.ValidText(inv.Site, MaxText) || !identity.ValidText(inv.Customer, MaxText):
		return Invite{}, fmt.Errorf("%w: site or customer not printable or over %d bytes", ErrInvalid, MaxText)
	case !identity.ValidName(inv.Inviter):
		return Invite{}, fmt.Errorf("%w: inviter %.80q", ErrInvalid, inv.Inviter)
	case len(inv.Tags) > MaxTags:
		return Invite{}, fmt.Errorf("%w: %d tags, want at most %d", ErrInvalid, len(inv.Tags), MaxTags)
	}
	for i, tag := range inv.Tags {
		if !identity.ValidName(tag) || slices.Contains(inv.Tags[:i], tag) {
			return Invite{}, fmt.Errorf("%w: tag %.80q", ErrInvalid, tag)
		}
	}
	return inv, nil
}

// take copies src into dst if it is of the same size.
func take(dst, src []byte) bool {
	return len(src) == len(dst) && copy(dst, bytes.Clone(src)) == len(dst)
}
