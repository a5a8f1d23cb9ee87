package audit

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// KeepRecords is how many of the newest records a Log holds the bytes of.
	// Of all others it holds the hashes. Long ones go earlier: a Log holds no
	// more than KeepBytes of them, twice what as many sessions' records take.
	KeepRecords = 100_000
	KeepBytes   = 128 << 20
	// MaxSize bounds a log: its hashes fill 4 GiB then.
	MaxSize = 64 << 20

	hashSize = tlog.HashSize
)

// Hash is a node of the tree.
type Hash = tlog.Hash

var (
	// ErrRange says that a log has no such record, or no such size.
	ErrRange = errors.New("beyond the audit log")
	// ErrProof says that a proof does not show what it should.
	ErrProof = errors.New("proof does not hold")
)

// Log is the audit log of one moment. It is a value: Append gives a longer one
// and leaves this one as it was; both share memory, so of two logs that grew
// from one only the one that grew last may grow on. Reading is for any
// goroutine. The zero Log is empty.
type Log struct {
	stored  []Hash // as tlog numbers them
	size    int64
	records [][]byte // the newest
	held    int      // bytes of these
}

// Append adds a record's canonical bytes, which the log keeps.
func (l Log) Append(record []byte) Log {
	l = l.grow(tlog.RecordHash(record))
	l.records, l.held = append(l.records, record), l.held+sizeOf(record)
	for len(l.records) > KeepRecords || l.held > KeepBytes {
		l.held -= sizeOf(l.records[0])
		l.records = l.records[1:]
	}
	return l
}

// sizeOf a record in a snapshot: a field's number and length, and the bytes.
func sizeOf(record []byte) int { return protowire.SizeTag(2) + protowire.SizeBytes(len(record)) }

// Weight is how many bytes the log takes in a snapshot, but for a few.
func (l Log) Weight() int { return int(l.size)*hashSize + l.held }

func (l Log) grow(leaf Hash) Log {
	hashes, err := tlog.StoredHashesForRecordHash(l.size, leaf, l.reader())
	if err != nil {
		panic(err) // the reader has every hash below size
	}
	l.stored = append(l.stored, hashes...)
	l.size++
	return l
}

func (l Log) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		out := make([]Hash, len(indexes))
		for i, at := range indexes {
			if at < 0 || at >= int64(len(l.stored)) {
				return nil, ErrRange
			}
			out[i] = l.stored[at]
		}
		return out, nil
	})
}

// Size is the number of records.
func (l Log) Size() uint64 { return uint64(l.size) } //nolint:gosec // counts up from 0

// First is the sequence of the oldest record whose bytes are held.
func (l Log) First() uint64 { return l.Size() - uint64(len(l.records)) }

// Root is the tree hash of the whole log. The empty log's is tlog's own.
func (l Log) Root() Hash { return l.rootAt(l.size) }

// RootAt is the tree hash the log had at a size. ErrRange beyond its own.
func (l Log) RootAt(size uint64) (Hash, error) {
	if size > l.Size() {
		return Hash{}, fmt.Errorf("%w: size %d of %d", ErrRange, size, l.size)
	}
	return l.rootAt(int64(size)), nil //nolint:gosec // at most size
}

func (l Log) rootAt(size int64) Hash {
	h, err := tlog.TreeHash(size, l.reader())
	if err != nil {
		panic(err) // as in grow
	}
	return h
}

// Record gives the canonical bytes of a record; nil where they are not held.
func (l Log) Record(sequence uint64) []byte {
	if sequence < l.First() || sequence >= l.Size() {
		return nil
	}
	return l.records[sequence-l.First()]
}

// Leaf is the leaf hash of a record. ErrRange beyond the log.
func (l Log) Leaf(sequence uint64) (Hash, error) {
	if sequence >= l.Size() {
		return Hash{}, fmt.Errorf("%w: record %d of %d", ErrRange, sequence, l.size)
	}
	return l.stored[tlog.StoredHashIndex(0, int64(sequence))], nil //nolint:gosec // below size
}

// Leaves gives the leaf hashes of the records from from up to to, 32 bytes
// each.
func (l Log) Leaves(from, to uint64) []byte {
	to = min(to, l.Size())
	if from >= to {
		return nil
	}
	out := make([]byte, 0, (to-from)*hashSize)
	for n := from; n < to; n++ {
		h := l.stored[tlog.StoredHashIndex(0, int64(n))] //nolint:gosec // below size
		out = append(out, h[:]...)
	}
	return out
}

// Inclusion shows that a record is in the log of a size. ErrRange where it
// cannot be.
func (l Log) Inclusion(sequence, size uint64) ([][]byte, error) {
	if size > l.Size() || sequence >= size {
		return nil, fmt.Errorf("%w: record %d under size %d of %d", ErrRange, sequence, size, l.size)
	}
	p, err := tlog.ProveRecord(int64(size), int64(sequence), l.reader()) //nolint:gosec // at most size
	return bytesOf(p), err
}

// Consistency shows that the log of size to begins with that of size from.
func (l Log) Consistency(from, to uint64) ([][]byte, error) {
	if from == 0 || from > to || to > l.Size() {
		return nil, fmt.Errorf("%w: from size %d to %d of %d", ErrRange, from, to, l.size)
	}
	p, err := tlog.ProveTree(int64(to), int64(from), l.reader()) //nolint:gosec // at most size
	return bytesOf(p), err
}

// CheckInclusion reports whether proof shows record at sequence under a root.
func CheckInclusion(record []byte, sequence uint64, proof [][]byte, size uint64, root Hash) error {
	hashes, err := hashesOf(proof)
	if err != nil {
		return err
	}
	if size > MaxSize || sequence >= size {
		return fmt.Errorf("%w: record %d under size %d", ErrProof, sequence, size)
	}
	err = tlog.CheckRecord(hashes, int64(size), root, int64(sequence), tlog.RecordHash(record)) //nolint:gosec // at most MaxSize
	if err != nil {
		return errors.Join(ErrProof, err)
	}
	return nil
}

// CheckConsistency reports whether proof shows that the log with the second
// root begins with the log with the first.
func CheckConsistency(from uint64, first Hash, to uint64, second Hash, proof [][]byte) error {
	hashes, err := hashesOf(proof)
	if err != nil {
		return err
	}
	if to > MaxSize || from == 0 || from > to {
		return fmt.Errorf("%w: from size %d to %d", ErrProof, from, to)
	}
	if err := tlog.CheckTree(hashes, int64(to), second, int64(from), first); err != nil { //nolint:gosec // at most MaxSize
		return errors.Join(ErrProof, err)
	}
	return nil
}

func bytesOf[P ~[]Hash](p P) [][]byte {
	out := make([][]byte, len(p))
	for i := range p {
		out[i] = p[i][:]
	}
	return out
}

// maxProof is more than any proof in a log of MaxSize needs.
const maxProof = 64

func hashesOf(proof [][]byte) ([]Hash, error) {
	if len(proof) > maxProof {
		return nil, fmt.Errorf("%w: %d hashes", ErrProof, len(proof))
	}
	out := make([]Hash, len(proof))
	for i, b := range proof {
		if len(b) != hashSize {
			return nil, fmt.Errorf("%w: a hash of %d bytes", ErrProof, len(b))
		}
		out[i] = Hash(b)
	}
	return out, nil
}

// ErrRestore says that leaf hashes and records do not fit together.
var ErrRestore = errors.New("audit log not acceptable")

// Restore makes a log of the leaf hashes of all its records and the canonical
// bytes of the newest, which it compares. Errors wrap ErrRestore.
func Restore(leaves []byte, records [][]byte) (Log, error) {
	n := len(leaves) / hashSize
	switch {
	case len(leaves)%hashSize != 0 || n > MaxSize:
		return Log{}, fmt.Errorf("%w: %d bytes of hashes", ErrRestore, len(leaves))
	case len(records) > KeepRecords || len(records) > n:
		return Log{}, fmt.Errorf("%w: %d records of %d", ErrRestore, len(records), n)
	}
	l := Log{stored: make([]Hash, 0, 2*n)}
	for _, raw := range records {
		l.held += sizeOf(raw)
	}
	// The last one that was let go for its length did not fit.
	if l.held > KeepBytes || len(records) < min(n, KeepRecords) && l.held <= KeepBytes-MaxRecord-8 {
		return Log{}, fmt.Errorf("%w: %d records of %d, of %d bytes", ErrRestore, len(records), n, l.held)
	}
	for i := range n {
		l = l.grow(Hash(leaves[i*hashSize : (i+1)*hashSize]))
	}
	for i, raw := range records {
		sequence := uint64(n - len(records) + i) //nolint:gosec // at most n
		r, err := Decode(raw)
		if err != nil {
			return Log{}, fmt.Errorf("%w: record %d: %w", ErrRestore, sequence, err)
		}
		if leaf, err := l.Leaf(sequence); err != nil || r.GetSequence() != sequence || tlog.RecordHash(raw) != leaf {
			return Log{}, fmt.Errorf("%w: record %d is not the one the tree has", ErrRestore, sequence)
		}
	}
	l.records = records
	return l, nil
}

// LeafOf is the leaf hash of a record's canonical bytes.
func LeafOf(record []byte) Hash { return tlog.RecordHash(record) }
