package trust

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

var (
	// ErrInvalid says that a statement breaks a rule, whoever signed it.
	ErrInvalid = errors.New("not valid in the trust log")
	// ErrParent says that an entry does not follow the log's head.
	ErrParent = errors.New("entry does not follow the head of the trust log")
	// ErrKnown says that the log holds this very entry already.
	ErrKnown = errors.New("entry is in the trust log already")
	// ErrUnauthorised says that those who signed may not sign this, or are
	// too few.
	ErrUnauthorised = errors.New("not signed by those who must")
	// ErrRevoked says that a signer, an inviter, an invite or a machine was
	// revoked.
	ErrRevoked = errors.New("revoked")
	// ErrDuplicate says that a name, key or address is taken.
	ErrDuplicate = errors.New("taken already")
	// ErrUsed says that an invite has no use left.
	ErrUsed = errors.New("invite used up")
	// ErrMissing says that an entry folds a revocation that is not at hand.
	ErrMissing = errors.New("revocation missing")
	// ErrLastAdmin says that nobody could sign any more.
	ErrLastAdmin = errors.New("the last admin can be revoked with the recovery key only")
	// ErrFull says that the IPv4 range has no free address.
	ErrFull = errors.New("no free IPv4 address")
)

// Log is a verified trust log: the chain, the revocations beside it, and what
// both come to. It never changes; Append, Extend and Revoke give a new one
// that shares what stayed. All methods may be called at the same time.
type Log struct {
	mesh       identity.MeshID
	name       string
	recovery   ed25519.PublicKey
	thresholds thresholds
	ipv4       netip.Prefix

	head    [32]byte
	entries tree[link] // by sequence
	size    int        // of the entries

	devices   tree[Device]          // by NodeID
	listing   tree[identity.NodeID] // by name, 0, NodeID
	names     tree[identity.NodeID] // the last to bear the name
	addresses tree[identity.NodeID] // by IPv4, the last to have it
	uses      tree[identity.NodeID] // by invite, sequence

	technicians     tree[Technician] // by key
	technicianNames tree[string]     // name to key, the last to bear it
	technicianNodes tree[string]     // NodeID to key, the last to work there
	admins          int              // not revoked by the chain

	controllers tree[identity.NodeID]
	policy      [32]byte
	revision    uint64

	folded  folded
	pending pending
}

type link struct {
	statement *warrenv1.Statement
	hash      [32]byte
}

// Found opens the log of a mesh that has its genesis only. The mesh id is the
// hash of the genesis.
func Found(genesis *warrenv1.Statement) (*Log, error) {
	d, err := decode(genesis)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	l, err := found(d)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	return l, nil
}

// Open verifies a whole log of mesh: entries from the genesis on, and the
// revocations folded into them or standing beside them, in the order that
// Revocations gave. Every one has to be acceptable.
func Open(mesh identity.MeshID, entries, revocations []*warrenv1.Statement) (*Log, error) {
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: no genesis", ErrInvalid)
	}
	if identity.HashOf(entries[0]) != mesh {
		return nil, fmt.Errorf("%w: the genesis is of another mesh", ErrInvalid)
	}
	l, err := Found(entries[0])
	if err != nil {
		return nil, err
	}
	l, refused, err := l.Extend(entries[1:], revocations)
	if err != nil {
		return nil, err
	}
	if len(refused) != 0 {
		return nil, refused[0]
	}
	return l, nil
}

// Append verifies entries, the next after the head first, and gives the log
// that has them; all or none. The revocations they fold have to be known.
//
// An entry whose signer is revoked beside the chain is refused, unless a later
// one of the same call, by others, folds that revocation: then the chain
// itself says that the entry came first.
func (l *Log) Append(entries ...*warrenv1.Statement) (*Log, error) {
	next, _, err := l.Extend(entries, nil)
	return next, err
}

// Extend is Append for a follower, who gets entries and revocations together:
// entries may fold those revocations; afterwards the rest are taken as by
// Revoke. Refused holds an error for each of the rest that could not be.
func (l *Log) Extend(entries, revocations []*warrenv1.Statement) (next *Log, refused []error, err error) {
	b, err := l.batch(entries, revocations)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range b.entries {
		if err := b.append(d); err != nil {
			return nil, nil, fmt.Errorf("entry %d: %w", d.entry.GetSequence(), err)
		}
	}
	next = b.log
	for _, r := range b.offered {
		grown, err := next.revoke(r)
		if err != nil {
			refused = append(refused, fmt.Errorf("revocation %x: %w", r.hash[:4], err))
			continue
		}
		next = grown
	}
	return next, refused, nil
}

// Mesh is the hash of the genesis.
func (l *Log) Mesh() identity.MeshID { return l.mesh }

// Name is the mesh's name.
func (l *Log) Name() string { return l.name }

// Head is the hash of the last entry.
func (l *Log) Head() [32]byte { return l.head }

// Len is the number of entries; the last one's sequence is Len() - 1.
func (l *Log) Len() uint64 { return uint64(l.entries.len()) }

// Size is how many bytes Entries and Revocations take as fields of a message.
func (l *Log) Size() int { return l.size + l.folded.size + l.pending.size }

// sizeOf a statement among others: with its number and length.
func sizeOf(s *warrenv1.Statement) int {
	return protowire.SizeTag(1) + protowire.SizeBytes(proto.Size(s))
}

// Contains reports whether the entry of that sequence has that hash.
func (l *Log) Contains(hash [32]byte, sequence uint64) bool {
	e, ok := l.entries.get(ordinal(sequence))
	return ok && e.hash == hash
}

// Entries are the entries from a sequence on. They are shared: not to be
// changed.
func (l *Log) Entries(from uint64) []*warrenv1.Statement {
	var out []*warrenv1.Statement
	for e := range l.entries.from(ordinal(from)) {
		out = append(out, e.statement)
	}
	return out
}

// Policy is the hash of the policy's text and its revision; 0 before the
// first.
func (l *Log) Policy() (hash [32]byte, revision uint64) { return l.policy, l.revision }

// RecoveryKey is the public half of the printed recovery key.
func (l *Log) RecoveryKey() ed25519.PublicKey { return bytes.Clone(l.recovery) }
