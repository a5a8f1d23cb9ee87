package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
)

func numbered(n int) [][]byte {
	var out [][]byte
	for i := range n {
		out = append(out, audit.Encode(&warrenv1.AuditRecord{
			Sequence: uint64(i), Time: 1, Act: warrenv1.AuditAct_AUDIT_ACT_INVITE_MADE, Reason: fmt.Sprint(i), //nolint:gosec // few
		}))
	}
	return out
}

// Each size's root is what tlog computes from the records alone, every record
// is provable under it, and every size continues every smaller one.
func TestProofs(t *testing.T) {
	const size = 40
	records := numbered(size)
	whole := logOf(records)
	for n := uint64(1); n <= size; n++ {
		root, err := whole.RootAt(n)
		if err != nil {
			t.Fatal(err)
		}
		if own := logOf(records[:n]).Root(); own != root {
			t.Fatalf("root of %d records is %s, want %s", n, root, own)
		}
		for i := range n {
			proof, err := whole.Inclusion(i, n)
			if err != nil {
				t.Fatal(err)
			}
			if err := audit.CheckInclusion(records[i], i, proof, n, root); err != nil {
				t.Errorf("record %d of %d: %v", i, n, err)
			}
			if err := audit.CheckInclusion(records[(i+1)%size], i, proof, n, root); !errors.Is(err, audit.ErrProof) {
				t.Errorf("another record at %d of %d: %v", i, n, err)
			}
			if i == 0 {
				continue
			}
			older, _ := whole.RootAt(i)
			proof, err = whole.Consistency(i, n)
			if err != nil {
				t.Fatal(err)
			}
			if err := audit.CheckConsistency(i, older, n, root, proof); err != nil {
				t.Errorf("from %d to %d: %v", i, n, err)
			}
		}
	}
}

// An altered record, a dropped one and two that changed places give a log that
// proves nothing of the one before.
func TestRewrittenLogsProveNothing(t *testing.T) {
	records := numbered(20)
	honest := logOf(records)
	before, _ := honest.RootAt(15)
	swapped := append([][]byte{}, records...)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	altered := append([][]byte{}, records...)
	altered[9] = edited(t, altered[9], func(r *warrenv1.AuditRecord) { r.Reason = "none" })
	for name, list := range map[string][][]byte{
		"swapped": swapped, "altered": altered, "dropped": append(append([][]byte{}, records[:7]...), records[8:]...),
		"first dropped": records[1:],
	} {
		l := logOf(list)
		proof, err := l.Consistency(15, l.Size())
		if err != nil {
			t.Fatal(err)
		}
		if err := audit.CheckConsistency(15, before, l.Size(), l.Root(), proof); !errors.Is(err, audit.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A log that was handed out stays as it was while another grows from it.
func TestLogIsAValue(t *testing.T) {
	records := numbered(100)
	var views []audit.Log
	var l audit.Log
	for _, r := range records {
		views = append(views, l)
		_ = l.Append([]byte("given up")) // as by a command that was refused
		l = l.Append(r)
	}
	for n, v := range views {
		if v.Size() != uint64(n) || v.Root() != logOf(records[:n]).Root() { //nolint:gosec // few
			t.Fatalf("the log of %d records changed", n)
		}
	}
}

func TestOldRecordsGoTheirHashesStay(t *testing.T) {
	const extra = 10
	var l audit.Log
	records := numbered(audit.KeepRecords + extra)
	for _, r := range records {
		l = l.Append(r)
	}
	if l.First() != extra || l.Record(extra-1) != nil || !bytes.Equal(l.Record(extra), records[extra]) {
		t.Errorf("the first record held is %d", l.First())
	}
	proof, err := l.Inclusion(3, l.Size())
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.CheckInclusion(records[3], 3, proof, l.Size(), l.Root()); err != nil {
		t.Error(err)
	}
	var held [][]byte
	for n := l.First(); n < l.Size(); n++ {
		held = append(held, l.Record(n))
	}
	again, err := audit.Restore(l.Leaves(0, l.Size()), held)
	if err != nil || again.Root() != l.Root() || again.First() != l.First() {
		t.Errorf("restored from %d with root %s: %v", again.First(), again.Root(), err)
	}
	for name, bad := range map[string]error{
		"hash cut":       second(audit.Restore(l.Leaves(0, l.Size())[1:], held)),
		"record missing": second(audit.Restore(l.Leaves(0, l.Size()), held[1:])),
		"too many":       second(audit.Restore(l.Leaves(0, l.Size()), records)),
	} {
		if !errors.Is(bad, audit.ErrRestore) {
			t.Errorf("%s: %v", name, bad)
		}
	}
}

// TestLongRecordsGoEarlier has records so long that fewer of them are held.
func TestLongRecordsGoEarlier(t *testing.T) {
	if testing.Short() {
		t.Skip("takes much memory")
	}
	var l audit.Log
	reason := strings.Repeat("x", audit.MaxRecord-64)
	for i := range uint64(audit.KeepBytes/audit.MaxRecord + 100) {
		l = l.Append(audit.Encode(&warrenv1.AuditRecord{Sequence: i, Time: 1, Act: warrenv1.AuditAct_AUDIT_ACT_INVITE_MADE, Reason: reason}))
	}
	var held [][]byte
	bytes := 0
	for n := l.First(); n < l.Size(); n++ {
		held = append(held, l.Record(n))
		bytes += len(l.Record(n))
	}
	if bytes > audit.KeepBytes || bytes < audit.KeepBytes-4*audit.MaxRecord || len(held) == int(l.Size()) {
		t.Errorf("%d records of %d are held, of %d bytes", len(held), l.Size(), bytes)
	}
	leaves := l.Leaves(0, l.Size())
	again, err := audit.Restore(leaves, held)
	if err != nil || again.Root() != l.Root() || again.First() != l.First() || again.Weight() != l.Weight() {
		t.Errorf("restored from %d with root %s: %v", again.First(), again.Root(), err)
	}
	if _, err := audit.Restore(leaves, held[2:]); !errors.Is(err, audit.ErrRestore) {
		t.Errorf("two records fewer: %v", err)
	}
	for n := l.First(); n > l.First()-3; n-- {
		held = append([][]byte{audit.Encode(&warrenv1.AuditRecord{Sequence: n - 1, Time: 1, Act: warrenv1.AuditAct_AUDIT_ACT_INVITE_MADE, Reason: reason})}, held...)
	}
	if _, err := audit.Restore(leaves, held); !errors.Is(err, audit.ErrRestore) {
		t.Errorf("three records more: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestBeyondTheLog(t *testing.T) {
	l := logOf(numbered(5))
	for name, err := range map[string]error{
		"record":          second(l.Inclusion(5, 5)),
		"size":            second(l.Inclusion(1, 6)),
		"from nothing":    second(l.Consistency(0, 5)),
		"to more":         second(l.Consistency(3, 6)),
		"backwards":       second(l.Consistency(4, 3)),
		"root":            second(l.RootAt(6)),
		"leaf":            second(l.Leaf(5)),
		"of an empty log": second(audit.Log{}.Inclusion(0, 0)),
	} {
		if !errors.Is(err, audit.ErrRange) {
			t.Errorf("%s: %v", name, err)
		}
	}
	root := l.Root()
	for name, err := range map[string]error{
		"short hash": audit.CheckInclusion(nil, 0, [][]byte{{1}}, 5, root),
		"too many":   audit.CheckConsistency(1, root, 5, root, make([][]byte, 65)),
		"size 0":     audit.CheckInclusion(nil, 0, nil, 0, root),
		"beyond all": audit.CheckConsistency(1, root, 1<<63, root, nil),
	} {
		if !errors.Is(err, audit.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if l.Leaves(3, 2) != nil || len(l.Leaves(3, 9)) != 2*tlog.HashSize {
		t.Error("leaves beyond the log")
	}
}

func TestDecodeTakesCanonicalBytesOnly(t *testing.T) {
	raw := numbered(3)[2]
	for name, bad := range map[string][]byte{
		"nothing":       {},
		"noise":         {0xff},
		"unknown field": append(bytes.Clone(raw), 0xa0, 0x06, 1),
		"twice":         append(bytes.Clone(raw), raw...),
		"padded number": append([]byte{0x08, 0x82, 0x00}, raw[2:]...),
		"no act":        audit.Encode(&warrenv1.AuditRecord{Sequence: 1}),
		"act 99":        audit.Encode(&warrenv1.AuditRecord{Act: 99}),
		"too long":      audit.Encode(&warrenv1.AuditRecord{Act: 1, Reason: string(make([]byte, audit.MaxRecord))}),
	} {
		if _, err := audit.Decode(bad); !errors.Is(err, audit.ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := audit.Decode(raw); err != nil || r.GetSequence() != 2 {
		t.Errorf("%v, %v", r, err)
	}
	long := audit.Cut(string(bytes.Repeat([]byte("é"), audit.MaxText)))
	if len(long) > audit.MaxText || !bytes.HasSuffix([]byte(long), []byte("é…")) {
		t.Errorf("cut to %d bytes, ends in %q", len(long), long[len(long)-6:])
	}
}

// BenchmarkAppend appends records and computes the root at 100,000.
func BenchmarkAppend(b *testing.B) {
	const size = 100_000
	records := numbered(size)
	for b.Loop() {
		var l audit.Log
		for _, r := range records {
			l = l.Append(r)
		}
		_ = l.Root()
	}
	b.ReportMetric(size, "records")
}

// BenchmarkProofs proves one record, and that a log continues an older one, at
// 100,000 records.
func BenchmarkProofs(b *testing.B) {
	l := logOf(numbered(100_000))
	var hashes int
	for b.Loop() {
		in, err := l.Inclusion(4711, l.Size())
		if err != nil {
			b.Fatal(err)
		}
		from, err := l.Consistency(54_321, l.Size())
		if err != nil {
			b.Fatal(err)
		}
		hashes = len(in) + len(from)
	}
	b.ReportMetric(float64(hashes), "hashes")
}

// BenchmarkRestore is a controller's start with as many sessions' records as
// are kept.
func BenchmarkRestore(b *testing.B) {
	session := newWorld(b).records()[7]
	var l audit.Log
	var held [][]byte
	for n := range uint64(audit.KeepRecords) {
		raw := edited(b, session, func(r *warrenv1.AuditRecord) { r.Sequence = n })
		held = append(held, raw)
		l = l.Append(raw)
	}
	leaves := l.Leaves(0, l.Size())
	for b.Loop() {
		if _, err := audit.Restore(leaves, held); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(held[len(held)-1])+len(leaves)/len(held)), "B/record")
}
