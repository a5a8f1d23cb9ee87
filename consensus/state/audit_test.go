package state_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/trust"
)

var update = flag.Bool("update", false, "write golden files that do not exist yet")

// recorded is the audit log, decoded.
func (w *world) recorded() []*warrenv1.AuditRecord {
	w.TB.Helper()
	log := w.state.Snapshot().Audit()
	var out []*warrenv1.AuditRecord
	for n := log.First(); n < log.Size(); n++ {
		r, err := audit.Decode(log.Record(n))
		if err != nil {
			w.TB.Fatalf("record %d: %v", n, err)
		}
		out = append(out, r)
	}
	return out
}

func valuesOf(list []*warrenv1.AuditValue) string {
	var out []string
	for _, v := range list {
		out = append(out, v.GetName()+"="+v.GetValue())
	}
	return strings.Join(out, " ")
}

// noted is a mesh whose machine 1 is in, and has noted two sessions.
func noted(t testing.TB) (*world, *warrenv1.AuditNoted) {
	w := lived(t)
	book := w.Notebook(1, 1000)
	two := &warrenv1.AuditNoted{Notes: []*warrenv1.Statement{
		book.Note(w.log()),
		book.Note(w.log(), func(n *warrenv1.Note) { n.Kind = warrenv1.NoteKind_NOTE_KIND_ENDED }),
	}}
	w.apply(two, time.Minute, nil)
	return w, two
}

// The bytes of every record that a lived mesh has are what they were: another
// word in them would be another root than the other controllers'.
func TestGoldenRecords(t *testing.T) {
	w, _ := noted(t)
	var text strings.Builder
	log := w.state.Snapshot().Audit()
	for n, r := range w.recorded() {
		fmt.Fprintf(&text, "%d %s\n%x\n", n, audit.Word(r.GetAct()), log.Record(uint64(n))) //nolint:gosec // few
	}
	fmt.Fprintf(&text, "root %s\n", hex.EncodeToString(rootOf(w.state)))
	path := filepath.Join("testdata", "golden", "audit-records.hex")
	if _, err := os.Stat(path); *update && errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("records are now\n%s\nand were\n%s", text.String(), want)
	}
}

func rootOf(s *state.State) []byte {
	root := s.Snapshot().Audit().Root()
	return root[:]
}

func TestEveryActIsRecorded(t *testing.T) {
	w, _ := noted(t)
	var acts []string
	for _, r := range w.recorded() {
		acts = append(acts, audit.Word(r.GetAct()))
	}
	want := []string{
		"mesh founded", "machine admitted", "controller named", "policy replaced",
		"invite made", "machine claimed", "machine claimed", "machine claimed", "claim refused",
		"machine admitted", "claim rejected", "invite made", "invite revoked", "policy replaced", "machine revoked",
		"session opened", "session ended",
	}
	if strings.Join(acts, ", ") != strings.Join(want, ", ") {
		t.Errorf("recorded: %s\nwant: %s", strings.Join(acts, ", "), strings.Join(want, ", "))
	}
	for _, r := range w.recorded() {
		if len(r.GetActors()) == 0 || r.GetTime() == 0 || r.GetRevision() == 0 || len(r.GetStatement()) != 32 {
			t.Errorf("record %d lacks who, when or on what ground: %v", r.GetSequence(), r)
		}
	}
}

func TestRecordsTellBeforeAndAfter(t *testing.T) {
	w := lived(t)
	inv := w.Invite(w.log(), 3)
	w.apply(inv, time.Minute, nil)
	w.apply(w.Claim(w.log(), 3, 5, nil), time.Minute, nil)
	w.apply(w.Append(w.log(), w.Record(w.log(), inv, 5, func(r *warrenv1.DeviceRecord) {
		r.NotAfter = statetest.Epoch.Add(time.Hour).Unix()
	})), time.Minute, nil)
	d, _ := w.log().Device(w.Machine(5).ID())
	here, err := d.SignStillHere(w.log().Mesh(), statetest.Epoch.Add(50*time.Minute), w.Machine(5))
	if err != nil {
		t.Fatal(err)
	}
	entry, err := trust.SignEntry(w.log().Draft(statetest.Epoch.Add(50*time.Minute), &warrenv1.Renewal{Statement: here}), w.Node.Signer())
	if err != nil {
		t.Fatal(err)
	}
	w.apply(&warrenv1.EntriesAppended{Entries: []*warrenv1.Statement{entry}}, 50*time.Minute, nil)
	list := w.recorded()
	for _, test := range []struct {
		act           warrenv1.AuditAct
		actor, target string
		before, after string
	}{
		{
			warrenv1.AuditAct_AUDIT_ACT_MACHINE_RENEWED, "machine-5", "machine-5",
			"until=2026-11-23T09:00:00Z epoch=0", "until=2027-02-21T08:50:00Z epoch=1",
		},
		{warrenv1.AuditAct_AUDIT_ACT_MACHINE_REVOKED, "owner", "", "revoked=false", "revoked=true"},
		{warrenv1.AuditAct_AUDIT_ACT_CLAIM_REJECTED, "owner", "machine-2", "state=pending", "state=rejected"},
		{warrenv1.AuditAct_AUDIT_ACT_CLAIM_REFUSED, "machine-4", "device", "", "from=192.0.2.1:41820"},
	} {
		var found *warrenv1.AuditRecord
		for _, r := range list {
			if r.GetAct() == test.act {
				found = r
			}
		}
		if found.GetActors()[0].GetName() != test.actor || found.GetTarget().GetName() != test.target ||
			valuesOf(found.GetBefore()) != test.before || valuesOf(found.GetAfter()) != test.after {
			t.Errorf("%s: by %q on %q, before %q, after %q; want %+v", audit.Word(test.act), found.GetActors()[0].GetName(),
				found.GetTarget().GetName(), valuesOf(found.GetBefore()), valuesOf(found.GetAfter()), test)
		}
	}
	for _, r := range list[10:] {
		if r.GetAct() == warrenv1.AuditAct_AUDIT_ACT_POLICY_REPLACED && !strings.HasPrefix(valuesOf(r.GetBefore()), "revision=1 sha256=") {
			t.Errorf("policy: before %q", valuesOf(r.GetBefore()))
		}
	}
}

// Two replicas, one of them restored half-way, compute one root; what is
// refused leaves no record, and the same command twice leaves one.
func TestReplicasAgreeOnTheRoot(t *testing.T) {
	a, two := noted(t)
	b := state.New()
	if err := b.Unmarshal(bytesOf(t, a.state)); err != nil {
		t.Fatal(err)
	}
	size := a.state.Snapshot().Audit().Size()
	log := a.log()
	for i, step := range []struct {
		body  proto.Message
		gains uint64
	}{
		{two, 0},
		{a.Claim(log, 1, 4, nil), 1}, // refused, and counted
		{a.Claim(log, 1, 2, nil), 0}, // refused
		{a.Replace(log, "{}"), 1},
		{a.Replace(log, "{}"), 0}, // there already
		{a.Invite(log, 7), 1},
		{&warrenv1.AuditNoted{Notes: []*warrenv1.Statement{a.Notebook(1, 2000).Note(log)}}, 1},
	} {
		c := a.Command(step.body, 2*time.Minute)
		a.state.Apply(uint64(100+i), c) //nolint:gosec // few
		b.Apply(uint64(100+i), c)       //nolint:gosec // few
		size += step.gains
		if got := a.state.Snapshot().Audit().Size(); got != size {
			t.Errorf("step %d, %T: %d records, want %d", i, step.body, got, size)
		}
		if !bytes.Equal(rootOf(a.state), rootOf(b)) {
			t.Fatalf("step %d, %T: roots differ", i, step.body)
		}
	}
}

func TestNotes(t *testing.T) {
	w, two := noted(t)
	count := func() int { return len(w.recorded()) }
	size := count()
	give := func(want error, notes ...*warrenv1.Statement) {
		t.Helper()
		w.apply(&warrenv1.AuditNoted{Notes: notes}, time.Minute, want)
	}

	// At most once, whole or in part.
	give(nil, two.GetNotes()...)
	give(nil, two.GetNotes()[1])
	if count() != size {
		t.Errorf("%d records after repetition, want %d", count(), size)
	}
	node := w.Machine(1).ID()
	if c := w.state.Snapshot().Chain(node); c.Sequence != 2 || c.Number != 1000 || c.Record != uint64(size-1) { //nolint:gosec // few
		t.Errorf("chain is %+v", c)
	}

	// A gap is taken and said.
	book := w.Notebook(1, 1000)
	for range 4 {
		book.Skip(w.log())
	}
	five := book.Note(w.log())
	give(nil, five)
	if r := w.recorded()[size]; r.GetMissing() != 2 || r.GetAnew() {
		t.Errorf("missing is %d, anew %v", r.GetMissing(), r.GetAnew())
	}

	// Another note under a number that was given, and one that does not follow.
	other := w.Notebook(1, 1000)
	for range 4 {
		other.Skip(w.log())
	}
	give(state.ErrStale, other.Note(w.log(), func(n *warrenv1.Note) { n.Verb = "files" }))
	give(state.ErrStale, other.Note(w.log()))

	// A new chain is said; the old one never returns.
	give(nil, w.Notebook(1, 3000).Note(w.log()))
	if r := w.recorded()[size+1]; !r.GetAnew() {
		t.Error("a new chain is not said")
	}
	give(state.ErrStale, book.Note(w.log()))

	// Who may not.
	give(state.ErrUnknown, w.Notebook(7, 1).Note(w.log()))
	give(state.ErrInvalid, w.Notebook(1, 4000).Note(w.log()), w.Notebook(0, 1).Note(w.log()))
	give(state.ErrInvalid)
	bad := proto.CloneOf(five)
	bad.Signatures[0].Signature[0] ^= 1
	give(state.ErrInvalid, bad)
	give(nil, w.Notebook(0, 1).Note(w.log()))
	w.apply(w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, node[:]), time.Minute, nil)
	give(state.ErrRevoked, w.Notebook(1, 5000).Note(w.log()))
	if got := count(); got != size+4 {
		t.Errorf("%d records, want %d", got, size+4)
	}
}

func TestAuditSnapshotRefused(t *testing.T) {
	w, _ := noted(t)
	whole := bytesOf(t, w.state)
	for name, change := range map[string]func(*warrenv1.AuditSnapshot){
		"record altered":        func(m *warrenv1.AuditSnapshot) { m.Records[3][9] ^= 1 },
		"record missing":        func(m *warrenv1.AuditSnapshot) { m.Records = m.Records[1:] },
		"newest record missing": func(m *warrenv1.AuditSnapshot) { m.Records = m.Records[:len(m.Records)-1] },
		"leaf altered":          func(m *warrenv1.AuditSnapshot) { m.Leaves[40] ^= 1 },
		"leaf cut":              func(m *warrenv1.AuditSnapshot) { m.Leaves = m.Leaves[:len(m.Leaves)-1] },
		"records swapped":       func(m *warrenv1.AuditSnapshot) { m.Records[1], m.Records[2] = m.Records[2], m.Records[1] },
		"chain twice":           func(m *warrenv1.AuditSnapshot) { m.Chains = append(m.Chains, m.Chains[0]) },
		"chain of nobody":       func(m *warrenv1.AuditSnapshot) { m.Chains[0].Device = make([]byte, 16) },
		"chain beyond the log":  func(m *warrenv1.AuditSnapshot) { m.Chains[0].Record = 1 << 40 },
		"chain without a head":  func(m *warrenv1.AuditSnapshot) { m.Chains[0].Head = nil },
	} {
		t.Run(name, func(t *testing.T) {
			var m warrenv1.Snapshot
			if err := proto.Unmarshal(whole, &m); err != nil {
				t.Fatal(err)
			}
			change(m.GetAudit())
			raw, err := proto.Marshal(&m)
			if err != nil {
				t.Fatal(err)
			}
			if err := state.New().Unmarshal(raw); !errors.Is(err, state.ErrSnapshot) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
