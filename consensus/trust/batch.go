package trust

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	warrenv1 "warren/api/warren/v1"
)

// batch is one call of Extend at work.
type batch struct {
	log     *Log
	entries []decoded
	// offered came with the call; known are those and the pending ones.
	offered []revocation
	known   map[[32]byte][]revocation
	// settled are the targets that an entry of this batch revokes in the chain:
	// until that entry, the order of the chain counts for them.
	settled map[string]struct{}
}

func (l *Log) batch(entries, revocations []*warrenv1.Statement) (*batch, error) {
	b := &batch{log: l, known: map[[32]byte][]revocation{}, settled: map[string]struct{}{}}
	for r := range l.pending.targets.all(nil) {
		b.known[r.hash] = append(b.known[r.hash], r)
	}
	for i, s := range revocations {
		r, err := decodeRevocation(s, l.mesh)
		if err != nil {
			return nil, fmt.Errorf("revocation %d: %w", i, err)
		}
		b.offered = append(b.offered, r)
		b.known[r.hash] = append(b.known[r.hash], r)
	}
	for i, s := range entries {
		d, err := decode(s)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", l.Len()+uint64(i), err)
		}
		b.entries = append(b.entries, d)
		for _, h := range d.entry.GetRevocations() {
			if len(h) != sha256.Size {
				return nil, fmt.Errorf("entry %d: %w: a revocation's hash of %d bytes", l.Len()+uint64(i), ErrInvalid, len(h))
			}
			for _, r := range b.known[[32]byte(h)] {
				b.settled[string(targetKey(r.kind, r.target))] = struct{}{}
			}
		}
	}
	return b, nil
}

// append grows the batch's log by one entry.
func (b *batch) append(d decoded) error {
	l := b.log
	if l.Contains(d.hash, d.entry.GetSequence()) {
		return ErrKnown
	}
	if d.entry.GetSequence() != l.Len() || !bytes.Equal(d.entry.GetParent(), l.head[:]) {
		return fmt.Errorf("%w: the head is %d (%x)", ErrParent, l.Len()-1, l.head[:4])
	}
	next := *l
	for _, h := range d.entry.GetRevocations() {
		if err := b.fold(&next, [32]byte(h)); err != nil {
			return err
		}
	}
	w := writer{Log: &next, batch: b, decoded: d}
	if err := w.write(); err != nil {
		return err
	}
	// Only now: who is revoked beside the chain cannot clear himself by
	// folding first.
	if len(d.entry.GetRevocations()) != 0 {
		next.dropOutdated()
	}
	next.head = d.hash
	next.entries = next.entries.with(ordinal(d.entry.GetSequence()), link{d.statement, d.hash})
	next.size += sizeOf(d.statement)
	b.log = &next
	return nil
}

// fold moves a revocation into next's chain. Its signer is judged by the chain
// before this entry, so that the order within one entry means nothing.
func (b *batch) fold(next *Log, hash [32]byte) error {
	if next.folded.hashes.has(hash[:]) {
		return fmt.Errorf("%w: revocation %x is folded already", ErrInvalid, hash[:4])
	}
	err := fmt.Errorf("%w: %x", ErrMissing, hash[:4])
	for _, r := range b.known[hash] {
		if err = b.log.mayRevoke(r); err != nil {
			continue
		}
		if err = next.fold(r); err == nil {
			return nil
		}
	}
	return err
}

func (l *Log) fold(r revocation) error {
	if r.kind == kindTechnician && !l.folded.has(r.kind, r.target) {
		if t, ok := l.technicians.get(r.target); ok && t.Admin {
			if l.admins == 1 && !r.signer.Equal(l.recovery) {
				return l.lastAdmin(t)
			}
			l.admins--
		}
	}
	l.folded = l.folded.with(r)
	return nil
}

// dropOutdated takes from beside the chain what the chain now holds, or what
// was signed by somebody it has revoked.
func (l *Log) dropOutdated() {
	for _, r := range l.pending.inOrder() {
		if l.folded.has(r.kind, r.target) || l.mayRevoke(r) != nil {
			l.pending = l.pending.without(r)
		}
	}
}
