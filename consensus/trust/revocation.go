package trust

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

const (
	kindNode       = warrenv1.RevocationKind_REVOCATION_KIND_NODE
	kindTechnician = warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN
	kindInvite     = warrenv1.RevocationKind_REVOCATION_KIND_INVITE
	kindController = warrenv1.RevocationKind_REVOCATION_KIND_CONTROLLER

	inviteSize = 8
)

// MaxReason bounds a revocation's reason, in bytes.
const MaxReason = 256

// revocation is a decoded one whose signature holds. Whether its signer may
// revoke is the log's question.
type revocation struct {
	statement *warrenv1.Statement
	hash      [32]byte
	kind      warrenv1.RevocationKind
	target    []byte
	signer    ed25519.PublicKey
	time      time.Time
	arrival   uint64
}

// folded are the revocations in the chain. They free names and addresses.
type folded struct {
	targets tree[revocation] // by kind and target: the first
	hashes  tree[struct{}]
	order   tree[revocation] // by the order of folding
	size    int
}

// pending are those beside the chain. They take away and free nothing, so
// that two logs of one chain agree on what the chain allows.
type pending struct {
	targets  tree[revocation] // by kind, target and signer
	arrivals uint64
	size     int
}

func targetKey(kind warrenv1.RevocationKind, target []byte) []byte {
	return append([]byte{byte(kind)}, target...)
}

func (f folded) has(kind warrenv1.RevocationKind, target []byte) bool {
	return f.targets.has(targetKey(kind, target))
}

func (f folded) with(r revocation) folded {
	key := targetKey(r.kind, r.target)
	if !f.targets.has(key) {
		f.targets = f.targets.with(key, r)
	}
	f.order = f.order.with(ordinal(uint64(f.order.len())), r)
	f.hashes = f.hashes.with(r.hash[:], struct{}{})
	f.size += sizeOf(r.statement)
	return f
}

func (r revocation) pendingKey() []byte {
	return append(targetKey(r.kind, r.target), r.signer...)
}

func (p pending) with(r revocation) pending {
	r.arrival = p.arrivals
	p.arrivals++
	p.targets = p.targets.with(r.pendingKey(), r)
	p.size += sizeOf(r.statement)
	return p
}

func (p pending) without(r revocation) pending {
	p.targets = p.targets.without(r.pendingKey())
	p.size -= sizeOf(r.statement)
	return p
}

func (p pending) has(kind warrenv1.RevocationKind, target []byte) bool {
	for range p.targets.all(targetKey(kind, target)) {
		return true
	}
	return false
}

// inOrder are the pending ones as they arrived.
func (p pending) inOrder() []revocation {
	return slices.SortedFunc(p.targets.all(nil), func(a, b revocation) int {
		return int(a.arrival) - int(b.arrival)
	})
}

// SignRevocation makes the statement of a revocation: with an admin's key, the
// recovery key, or, for a machine that leaves or orders no more, its own node
// key. Reason is
// printable text of at most MaxReason bytes.
func SignRevocation(mesh identity.MeshID, kind warrenv1.RevocationKind, target []byte, reason string, now time.Time, key ed25519.PrivateKey) (*warrenv1.Statement, error) {
	m := &warrenv1.Revocation{Mesh: mesh[:], Kind: kind, Target: target, Reason: reason, Time: now.UnixMilli()}
	if err := revocationShape(m); err != nil {
		return nil, err
	}
	return identity.Sign(identity.TypeRevocation, m, key)
}

func targetSize(kind warrenv1.RevocationKind) int {
	switch kind {
	case kindNode, kindController:
		return len(identity.NodeID{})
	case kindTechnician:
		return ed25519.PublicKeySize
	case kindInvite:
		return inviteSize
	default:
		return 0
	}
}

func revocationShape(m *warrenv1.Revocation) error {
	size := targetSize(m.GetKind())
	switch {
	case size == 0:
		return fmt.Errorf("%w: revocation of kind %d", ErrInvalid, m.GetKind())
	case len(m.GetTarget()) != size:
		return fmt.Errorf("%w: a target of %d bytes, want %d", ErrInvalid, len(m.GetTarget()), size)
	case !identity.ValidText(m.GetReason(), MaxReason):
		return fmt.Errorf("%w: a reason that is not printable or over %d bytes", ErrInvalid, MaxReason)
	case !validMillis(m.GetTime()):
		return fmt.Errorf("%w: time %d", ErrInvalid, m.GetTime())
	}
	return nil
}

func decodeRevocation(s *warrenv1.Statement, mesh identity.MeshID) (revocation, error) {
	var m warrenv1.Revocation
	signers, err := identity.Open(s, identity.TypeRevocation, &m)
	if err != nil {
		return revocation{}, errors.Join(ErrInvalid, err)
	}
	if len(signers) != 1 {
		return revocation{}, fmt.Errorf("%w: revocation with %d signatures, want one", ErrInvalid, len(signers))
	}
	if !bytes.Equal(m.GetMesh(), mesh[:]) {
		return revocation{}, fmt.Errorf("%w: revocation of another mesh", ErrInvalid)
	}
	if err := revocationShape(&m); err != nil {
		return revocation{}, err
	}
	return revocation{
		statement: s, hash: identity.HashOf(s), kind: m.GetKind(), target: m.GetTarget(),
		signer: signers[0], time: time.UnixMilli(m.GetTime()).UTC(),
	}, nil
}

// Revoke takes a revocation beside the chain. What is revoked already stays
// so, and the same log comes back.
func (l *Log) Revoke(s *warrenv1.Statement) (*Log, error) {
	r, err := decodeRevocation(s, l.mesh)
	if err != nil {
		return nil, err
	}
	return l.revoke(r)
}

func (l *Log) revoke(r revocation) (*Log, error) {
	if l.folded.has(r.kind, r.target) || l.pending.targets.has(r.pendingKey()) {
		return l, nil
	}
	if err := l.mayRevoke(r); err != nil {
		return nil, err
	}
	if t, ok := l.Technician(r.signer); ok && t.Revoked {
		return nil, fmt.Errorf("%w: technician %s, who signed the revocation", ErrRevoked, t.Name)
	}
	if t, ok := l.Technician(r.target); r.kind == kindTechnician && ok && t.Admin && !t.Revoked && l.liveAdmins() == 1 && !r.signer.Equal(l.recovery) {
		return nil, l.lastAdmin(t)
	}
	next := *l
	next.pending = l.pending.with(r)
	return &next, nil
}

// mayRevoke asks the chain alone, so that all who have it answer alike.
func (l *Log) mayRevoke(r revocation) error {
	if r.signer.Equal(l.recovery) {
		return nil
	}
	if r.kind == kindNode || r.kind == kindController {
		id := identity.NodeIDOf(r.signer)
		if bytes.Equal(id[:], r.target) && l.devices.has(r.target) {
			return nil
		}
	}
	t, ok := l.technicians.get(r.signer)
	if !ok || !t.Admin {
		return fmt.Errorf("%w: only an admin, the recovery key or the machine itself revokes", ErrUnauthorised)
	}
	if l.folded.has(kindTechnician, r.signer) {
		return fmt.Errorf("%w: technician %s, who signed the revocation", ErrRevoked, t.Name)
	}
	return t.validAt(r.time)
}

func (l *Log) lastAdmin(t Technician) error {
	return fmt.Errorf("%w: without %s nobody could sign for mesh %s", ErrLastAdmin, t.Name, l.name)
}

func (l *Log) liveAdmins() int {
	n := 0
	for _, t := range l.Technicians() {
		if t.Admin && !t.Revoked {
			n++
		}
	}
	return n
}

// Revocations are all of them: those in the chain as they were folded, then
// those beside it as they came. They are shared: not to be changed.
func (l *Log) Revocations() []*warrenv1.Statement {
	var out []*warrenv1.Statement
	for r := range l.folded.order.all(nil) {
		out = append(out, r.statement)
	}
	for _, r := range l.pending.inOrder() {
		out = append(out, r.statement)
	}
	return out
}

// Revoked reports whether a target was revoked, in the chain or beside it.
// A target is a NodeID, a technician's key or an invite's id.
func (l *Log) Revoked(kind warrenv1.RevocationKind, target []byte) bool {
	if l.folded.has(kind, target) {
		return true
	}
	// A shorter target would be the beginning of others.
	return len(target) == targetSize(kind) && l.pending.has(kind, target)
}

// InviteRevoked reports whether an invite was revoked.
func (l *Log) InviteRevoked(invite []byte) bool { return l.Revoked(kindInvite, invite) }

// FoldsAll reports whether an entry folds every revocation that stands beside
// the chain, or as many as fit. Those who order entries ask for it: what a
// revoked technician revoked is lost if the chain folds his own revocation
// first. Admissions and renewals, which no admin signs, fold none.
func (l *Log) FoldsAll(s *warrenv1.Statement) bool {
	var e warrenv1.Entry
	if err := proto.Unmarshal(s.GetPayload(), &e); err != nil {
		return false
	}
	if e.GetAdmission() != nil || e.GetRenewal() != nil || len(e.GetRevocations()) == MaxFolds {
		return true
	}
	for r := range l.pending.targets.all(nil) {
		if !slices.ContainsFunc(e.GetRevocations(), func(h []byte) bool { return bytes.Equal(h, r.hash[:]) }) {
			return false
		}
	}
	return true
}
