package state_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
)

// weighs compares what the state takes for its size with its snapshot, and with
// what another takes for it that restored it.
func (w *world) weighs() {
	w.TB.Helper()
	raw := bytesOf(w.TB, w.state)
	total := w.state.Total()
	slack := 256 + len(raw)/20
	if total < len(raw) || total > len(raw)+slack {
		w.TB.Errorf("a snapshot of %d bytes is taken for one of %d", len(raw), total)
	}
	again := state.New()
	if err := again.Unmarshal(raw); err != nil {
		w.TB.Fatal(err)
	}
	if got := again.Snapshot().Filled(); got != 0 {
		w.TB.Errorf("%d percent of half a gigabyte", got)
	}
	if got := again.Total(); got != total {
		w.TB.Errorf("a snapshot of %d bytes is taken for one of %d, and for %d when restored", len(raw), total, got)
	}
}

func TestASnapshotIsNoLargerThanItIsTakenFor(t *testing.T) {
	w := founded(t)
	w.weighs()
	w, _ = noted(t)
	w.weighs()
	book := w.Notebook(1, 2000)
	node := w.Machine(1).ID()
	w.apply(w.Invite(w.log(), 5), time.Minute, nil)
	for i, step := range []proto.Message{
		&warrenv1.AuditNoted{Notes: []*warrenv1.Statement{book.Note(w.log()), book.Note(w.log())}},
		w.Claim(w.log(), 5, 6, nil),
		w.Claim(w.log(), 5, 7, nil), // refused, and counted
		w.Replace(w.log(), `{"grants": [1, 2, 3, 4, 5, 6, 7, 8, 9]}`),
		w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, node[:]),
	} {
		w.index++
		_ = w.state.Apply(w.index, w.Command(step, 2*time.Minute))
		t.Log(i)
		w.weighs()
	}
	w.apply(w.Replace(w.log(), `{}`), 3*time.Minute, nil) // folds the revocation
	w.weighs()
	for n := 10; n < 40; n++ {
		w.apply(w.Invite(w.log(), n), 4*time.Minute, nil)
	}
	w.weighs()
}

// TestStateStaysWithinItsSnapshot fills a small one: first machines are
// refused, then people, last revocations.
func TestStateStaysWithinItsSnapshot(t *testing.T) {
	const bound = 64 << 10
	for _, format := range []uint32{2, command.Newest} {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			w := &world{Mesh: statetest.New(t, "acme"), state: state.NewBounded(bound)}
			found := w.Founding()
			found.Format = format
			w.apply(found, 0, nil)
			within := func(eighths int) {
				t.Helper()
				if n := len(bytesOf(t, w.state)); n > bound/8*eighths || n < bound/8*(eighths-1) {
					t.Errorf("a snapshot of %d bytes, want %d to %d eighths of %d", n, eighths-1, eighths, bound)
				}
			}
			fill := func(body func(n int) proto.Message) error {
				t.Helper()
				for n := range 400 {
					w.index++
					if err := w.state.Apply(w.index, w.Command(body(n), time.Minute)).Err; err != nil {
						return err
					}
				}
				return nil
			}
			book := w.Notebook(0, 1)
			notes := func(int) proto.Message {
				return &warrenv1.AuditNoted{Notes: []*warrenv1.Statement{book.Note(w.log())}}
			}
			revoke := func(n int) proto.Message {
				return w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, fmt.Appendf(nil, "machine %08d", n))
			}
			err := fill(notes)
			if format == 2 {
				if err != nil || len(bytesOf(t, w.state)) < bound {
					t.Errorf("refused before all controllers refuse: %v", err)
				}
				return
			}
			wants(t, "notes", err, state.ErrFull)
			within(6)
			w.apply(w.Invite(w.log(), 1), time.Minute, nil)
			w.apply(w.Claim(w.log(), 1, 1, nil), time.Minute, state.ErrFull)
			wants(t, "policies", fill(func(n int) proto.Message {
				return w.Replace(w.log(), fmt.Sprintf(`{"grants": [%d]}`, n))
			}), state.ErrFull)
			within(7)
			w.apply(w.Invite(w.log(), 2), time.Minute, state.ErrFull)
			w.apply(revoke(1_000), time.Minute, nil)
			wants(t, "revocations", fill(revoke), state.ErrFull)
			within(8)
			if err := state.New().Unmarshal(bytesOf(t, w.state)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestADeviceNotesSoMuch holds for the device, whichever controllers it asks:
// it is part of what they agree on.
func TestADeviceNotesSoMuch(t *testing.T) {
	w := lived(t)
	book, other := w.Notebook(1, 1000), w.Notebook(0, 1000)
	batch := func(b *statetest.Notebook, n int) *warrenv1.AuditNoted {
		m := &warrenv1.AuditNoted{}
		for range n {
			m.Notes = append(m.Notes, b.Note(w.log()))
		}
		return m
	}
	var last *warrenv1.AuditNoted
	for range state.NotesAtOnce / audit.MaxNotes {
		last = batch(book, audit.MaxNotes)
		w.apply(last, time.Minute, nil)
	}
	size := w.state.Snapshot().Audit().Size()
	more := batch(book, 12)
	w.apply(more, time.Minute, state.ErrOften)
	w.apply(more, time.Minute+11*state.NoteEvery, state.ErrOften)
	w.same(last, time.Minute) // what is there is no news
	w.apply(batch(other, audit.MaxNotes), time.Minute, nil)

	again := state.New()
	if err := again.Unmarshal(bytesOf(t, w.state)); err != nil {
		t.Fatal(err)
	}
	r := again.Apply(w.index+1, w.Command(more, time.Minute+11*state.NoteEvery))
	wants(t, "after a restore", r.Err, state.ErrOften)

	at := func(after time.Duration) time.Time { return w.Command(more, after).Time }
	var opened []audit.Note
	for _, s := range more.GetNotes() {
		n, err := audit.OpenNote(s, w.log().Mesh())
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, n)
	}
	id := w.Machine(1).ID()
	if v := w.state.Snapshot(); v.MayNote(id, opened, at(time.Minute+11*state.NoteEvery)) || !v.MayNote(id, opened, at(time.Minute+12*state.NoteEvery)) ||
		!v.MayNote(w.Machine(2).ID(), opened, at(0)) {
		t.Error("who asks before is told something else")
	}
	w.apply(more, time.Minute+12*state.NoteEvery, nil)
	if got := w.state.Snapshot().Audit().Size(); got != size+audit.MaxNotes+12 {
		t.Errorf("%d records, want %d", got, size+audit.MaxNotes+12)
	}

	// The clock of another leader is some minutes behind: nothing is won. One
	// that was a year ahead leaves nobody out for a year.
	w.apply(batch(book, 1), time.Minute, state.ErrOften)
	w.apply(batch(w.Notebook(1, 2000), audit.MaxNotes), 365*24*time.Hour, nil)
	w.apply(batch(w.Notebook(1, 3000), audit.MaxNotes), 2*time.Hour, nil)
}
