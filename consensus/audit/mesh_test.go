package audit_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/mesh/identity"
)

// world is a mesh whose controllers do what they are told.
type world struct {
	*statetest.Mesh
	state *state.State
	index uint64
}

// newWorld has founded a mesh, let machine 1 in and heard of its sessions.
func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{Mesh: statetest.New(tb, "acme"), state: state.New()}
	w.apply(w.Founding())
	inv := w.Invite(w.state.Log(), 1)
	w.apply(inv)
	w.apply(w.Claim(w.state.Log(), 1, 1, nil))
	w.apply(w.Append(w.state.Log(), w.Record(w.state.Log(), inv, 1)))
	book := w.Notebook(1, 1000)
	ended := func(n *warrenv1.Note) { n.Kind = warrenv1.NoteKind_NOTE_KIND_ENDED }
	w.apply(&warrenv1.AuditNoted{Notes: []*warrenv1.Statement{
		book.Note(w.state.Log()), book.Note(w.state.Log(), ended), book.Note(w.state.Log()), book.Note(w.state.Log(), ended),
	}})
	two := w.InviteID(2)
	w.apply(w.Invite(w.state.Log(), 2))
	w.apply(w.Revoke(w.state.Log(), warrenv1.RevocationKind_REVOCATION_KIND_INVITE, two[:]))
	w.apply(w.Replace(w.state.Log(), `{"grants": [1]}`))
	return w
}

func (w *world) apply(body proto.Message) {
	w.TB.Helper()
	w.index++
	if r := w.state.Apply(w.index, w.Command(body, time.Minute)); r.Err != nil {
		w.TB.Fatal(r.Err)
	}
}

func (w *world) log() audit.Log { return w.state.Snapshot().Audit() }

// records are the canonical bytes of the whole log.
func (w *world) records() [][]byte {
	log := w.log()
	var out [][]byte
	for n := log.First(); n < log.Size(); n++ {
		out = append(out, log.Record(n))
	}
	return out
}

// logOf is a log of these records.
func logOf(records [][]byte) audit.Log {
	var l audit.Log
	for _, r := range records {
		l = l.Append(r)
	}
	return l
}

// sign is machine n's checkpoint of a log, that many minutes after the epoch.
func (w *world) sign(l audit.Log, n, minute int) audit.Checkpoint {
	w.TB.Helper()
	c, err := audit.SignCheckpoint(l, w.state.Log().Mesh(), w.Machine(n), statetest.Epoch.Add(time.Duration(minute)*time.Minute))
	if err != nil {
		w.TB.Fatal(err)
	}
	return c
}

// edited is a record with another content, canonical again.
func edited(tb testing.TB, raw []byte, edit func(*warrenv1.AuditRecord)) []byte {
	tb.Helper()
	r, err := audit.Decode(raw)
	if err != nil {
		tb.Fatal(err)
	}
	edit(r)
	return audit.Encode(r)
}

// controllers are machines 0, 8 and 9.
func (w *world) controllers(id identity.NodeID) bool {
	return id == w.Machine(0).ID() || id == w.Machine(8).ID() || id == w.Machine(9).ID()
}

func (w *world) witness() *audit.Witness {
	return audit.NewWitness(w.state.Log().Mesh(), w.controllers)
}
