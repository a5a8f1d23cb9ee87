package state_test

import (
	"errors"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
)

// A kind of a newer format is refused until that format is in force, which
// then never falls, over snapshots too.
func TestFormatGatesKinds(t *testing.T) {
	m := statetest.New(t, "acme")
	old := m.Founding()
	old.Format = 0 // founded by a version that knew no formats
	s := state.New()
	if r := s.Apply(1, m.Command(old, 0)); r.Err != nil {
		t.Fatal(r.Err)
	}
	if got := s.Snapshot().Format(); got != 1 {
		t.Errorf("it begins with format %d, want 1", got)
	}
	note := m.Command(&warrenv1.AuditNoted{}, 0)
	if note.Kind.Format() != 2 {
		t.Fatalf("%s is of format %d", note.Kind, note.Kind.Format())
	}
	if r := s.Apply(2, note); !errors.Is(r.Err, state.ErrEarly) || r.Revision != 1 {
		t.Errorf("%s under format 1: %v at revision %d", note.Kind, r.Err, r.Revision)
	}
	if r := s.Apply(3, m.Command(&warrenv1.FormatRaised{Format: 2}, 0)); r.Err != nil || r.Revision != 3 {
		t.Fatalf("raised: %v at revision %d", r.Err, r.Revision)
	}
	if r := s.Apply(4, note); errors.Is(r.Err, state.ErrEarly) {
		t.Errorf("%s under format 2: %v", note.Kind, r.Err)
	}
	for _, lower := range []uint32{0, 1, 2} {
		if r := s.Apply(5, m.Command(&warrenv1.FormatRaised{Format: lower}, 0)); r.Err != nil || r.Revision >= 5 {
			t.Errorf("raised to %d: %v at revision %d", lower, r.Err, r.Revision)
		}
	}
	raw, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again := state.New()
	if err := again.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	if got := again.Snapshot().Format(); got != 2 {
		t.Errorf("after a snapshot the format is %d, want 2", got)
	}
	fresh := state.New()
	if r := fresh.Apply(1, m.Command(m.Founding(), 0)); r.Err != nil || fresh.Snapshot().Format() != command.Newest {
		t.Errorf("a new mesh begins with format %d: %v", fresh.Snapshot().Format(), r.Err)
	}
}

// Notes of what happens within a session, a kind of note that came later, wait
// for their format too; what was refused is taken afterwards.
func TestFormatGatesKindsOfNotes(t *testing.T) {
	m := statetest.New(t, "acme")
	old := m.Founding()
	old.Format = 2
	s := state.New()
	if r := s.Apply(1, m.Command(old, 0)); r.Err != nil {
		t.Fatal(r.Err)
	}
	log := s.Snapshot().Log()
	book := m.Notebook(0, 1)
	opened := m.Command(&warrenv1.AuditNoted{Notes: []*warrenv1.Statement{book.Note(log)}}, 0)
	within := m.Command(&warrenv1.AuditNoted{Notes: []*warrenv1.Statement{
		book.Note(log, func(n *warrenv1.Note) { n.Kind = warrenv1.NoteKind_NOTE_KIND_NOTED }),
	}}, 0)
	if r := s.Apply(2, opened); r.Err != nil {
		t.Fatalf("a note of an older kind: %v", r.Err)
	}
	size := s.Snapshot().Audit().Size()
	if r := s.Apply(3, within); !errors.Is(r.Err, state.ErrEarly) || s.Snapshot().Audit().Size() != size {
		t.Errorf("under format 2: %v, %d records after %d", r.Err, s.Snapshot().Audit().Size(), size)
	}
	if r := s.Apply(4, m.Command(&warrenv1.FormatRaised{Format: 3}, 0)); r.Err != nil {
		t.Fatal(r.Err)
	}
	if r := s.Apply(5, within); r.Err != nil || s.Snapshot().Audit().Size() != size+1 {
		t.Errorf("under format 3: %v, %d records after %d", r.Err, s.Snapshot().Audit().Size(), size)
	}
}
