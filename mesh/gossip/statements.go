package gossip

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// Bounds of what carries statements.
const (
	// MaxBroadcast is the longest encoded statement that fits a packet. Longer
	// ones go over streams.
	MaxBroadcast = 1100
	// MaxStatement is the longest encoded statement taken at all: a key or
	// endpoint statement has 2 KiB of payload at most, a revocation less.
	MaxStatement = 4 << 10
	// maxStatements bounds one message, maxFacts and maxRecent a summary.
	maxStatements = 512
	maxFacts      = 4096
	maxRecent     = 512
)

const (
	listFormat    = 1
	summaryFormat = 1
	perStatement  = 2 // bytes of length before a statement
)

var (
	errList    = errors.New("list of statements not acceptable")
	errSummary = errors.New("summary not acceptable")
)

// appendStatements writes the message that carries encoded statements, in
// packets and streams alike:
//
//	format { length statement }
func appendStatements(b []byte, encoded ...[]byte) []byte {
	b = append(b, listFormat)
	for _, e := range encoded {
		b = binary.BigEndian.AppendUint16(b, uint16(len(e))) //nolint:gosec // at most MaxStatement
		b = append(b, e...)
	}
	return b
}

// decodeStatements reads such a message. What is in it is not verified, but is
// of a type that may travel by gossip.
func decodeStatements(b []byte) ([]*warrenv1.Statement, error) {
	if len(b) < 1 || b[0] != listFormat {
		return nil, fmt.Errorf("format: %w", errList)
	}
	var out []*warrenv1.Statement
	for at := b[1:]; len(at) > 0; {
		if len(at) < perStatement || len(out) == maxStatements {
			return nil, fmt.Errorf("after %d statements: %w", len(out), errList)
		}
		n := int(binary.BigEndian.Uint16(at))
		at = at[perStatement:]
		if n == 0 || n > MaxStatement || n > len(at) {
			return nil, fmt.Errorf("statement of %d bytes: %w", n, errList)
		}
		s := &warrenv1.Statement{}
		if err := (proto.UnmarshalOptions{RecursionLimit: 8}).Unmarshal(at[:n], s); err != nil {
			return nil, errors.Join(errList, err)
		}
		if !travels(s) {
			return nil, fmt.Errorf("statement of type %.40q: %w", s.GetType(), errList)
		}
		out = append(out, s)
		at = at[n:]
	}
	return out, nil
}

// travels tells whether gossip carries statements of that type.
func travels(s *warrenv1.Statement) bool {
	switch identity.Type(s.GetType()) {
	case identity.TypeKeys, identity.TypeEndpoints, identity.TypeRevocation, identity.TypeCheckpoint:
		return true
	default:
		return false
	}
}

// subject names what a statement is the newest word on: the eight bytes hold
// seven of the NodeID, which is a hash, and the type. Revocations, of which
// none replaces another, are named by their own hash, and so are checkpoints:
// two that differ must meet.
type subject [8]byte

// glance reads whom a statement speaks of and its counter, and believes
// neither.
func glance(s *warrenv1.Statement) (subject, uint64, error) {
	var m interface {
		proto.Message
		GetNode() []byte
		GetCounter() uint64
	}
	kind := byte(0)
	switch identity.Type(s.GetType()) {
	case identity.TypeKeys:
		m = &warrenv1.Keys{}
	case identity.TypeEndpoints:
		m, kind = &warrenv1.Endpoints{}, 1
	default:
		h := identity.HashOf(s)
		return subject(h[:8]), 0, nil
	}
	if err := proto.Unmarshal(s.GetPayload(), m); err != nil {
		return subject{}, 0, errors.Join(errList, err)
	}
	id := identity.NodeIDOf(m.GetNode())
	return subject(append(id[:7:7], kind)), m.GetCounter(), nil
}

// summary is what a member tells of its statements in a push/pull, so that
// the other can send what it lacks: the counter held of every fact, a digest
// of all revocations, and the newest of these by name.
//
//	format facts { subject counter } revoked revocations recent { subject }
type summary struct {
	facts       map[subject]uint64
	revoked     uint32
	revocations [16]byte
	recent      map[subject]bool
}

func (s summary) encode() []byte {
	b := []byte{summaryFormat}
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.facts))) //nolint:gosec // at most maxFacts
	for _, k := range s.order() {
		b = append(b, k[:]...)
		b = binary.BigEndian.AppendUint64(b, s.facts[k])
	}
	b = binary.BigEndian.AppendUint32(b, s.revoked)
	b = append(b, s.revocations[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.recent))) //nolint:gosec // at most maxRecent
	for k := range s.recent {
		b = append(b, k[:]...)
	}
	return b
}

func (s summary) order() []subject {
	out := make([]subject, 0, len(s.facts))
	for k := range s.facts {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b subject) int { return slices.Compare(a[:], b[:]) })
	return out
}

// digest is short for the facts of the summary.
func (s summary) digest() (out [8]byte) {
	h := sha256.New()
	for _, k := range s.order() {
		h.Write(k[:])
		h.Write(binary.BigEndian.AppendUint64(nil, s.facts[k]))
	}
	copy(out[:], h.Sum(nil))
	return out
}

func decodeSummary(b []byte) (summary, error) {
	s := summary{facts: map[subject]uint64{}, recent: map[subject]bool{}}
	bad := func() (summary, error) {
		return summary{}, fmt.Errorf("%d bytes: %w", len(b), errSummary)
	}
	if len(b) < 3 || len(b) > maxSummary || b[0] != summaryFormat {
		return bad()
	}
	n, at := int(binary.BigEndian.Uint16(b[1:])), b[3:]
	if n > maxFacts || len(at) < 16*n+22 {
		return bad()
	}
	for range n {
		s.facts[subject(at[:8])] = binary.BigEndian.Uint64(at[8:])
		at = at[16:]
	}
	s.revoked = binary.BigEndian.Uint32(at)
	copy(s.revocations[:], at[4:])
	n, at = int(binary.BigEndian.Uint16(at[20:])), at[22:]
	if n > maxRecent || len(at) != 8*n {
		return bad()
	}
	for range n {
		s.recent[subject(at[:8])] = true
		at = at[8:]
	}
	return s, nil
}

// digestRevocations is short for a set of revocations.
func digestRevocations(all []*warrenv1.Statement) (out [16]byte) {
	if len(all) == 0 {
		return out
	}
	hashes := make([][32]byte, len(all))
	for i, s := range all {
		hashes[i] = identity.HashOf(s)
	}
	slices.SortFunc(hashes, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	h := sha256.New()
	for _, x := range hashes {
		h.Write(x[:])
	}
	copy(out[:], h.Sum(nil))
	return out
}

// recentlySeen remembers the last statements merged, so that their many copies
// cost a hash each and no more.
type recentlySeen struct {
	most int
	set  map[[32]byte]struct{}
	ring [][32]byte
	next int
}

func newRecentlySeen(n int) *recentlySeen {
	return &recentlySeen{most: n, set: map[[32]byte]struct{}{}}
}

func (r *recentlySeen) has(h [32]byte) bool {
	_, ok := r.set[h]
	return ok
}

func (r *recentlySeen) add(h [32]byte) {
	if r.has(h) {
		return
	}
	if len(r.ring) < r.most {
		r.ring = append(r.ring, h)
	} else {
		delete(r.set, r.ring[r.next])
		r.ring[r.next] = h
		r.next = (r.next + 1) % len(r.ring)
	}
	r.set[h] = struct{}{}
}
