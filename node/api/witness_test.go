package api

import (
	"bytes"
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/ordering"
)

// ordered is a Replica that one council orders for.
type ordered struct{ *ordering.Council }

func (o ordered) State() *state.State { return o.Store.State() }

// asWitness is a client of the log that holds the key of a machine.
func (c *controller) asWitness(key identity.NodeKey) *client.Witness {
	hub, err := c.home.NodeKey()
	if err != nil {
		c.t.Fatal(err)
	}
	out := client.NewWitness(key, hub.ID(), []string{c.address})
	c.t.Cleanup(out.Close)
	return out
}

// admit lets a machine in, for the view and for the replica.
func (c *controller) admit(name string) identity.NodeKey {
	c.t.Helper()
	before := c.log().Len()
	c.device(name, name)
	c.order(&warrenv1.EntriesAppended{Entries: c.log().Entries(before)})
	return c.node(name)
}

func (c *controller) order(body proto.Message) {
	c.t.Helper()
	if _, err := c.witness.Replica.Propose(c.within(20*time.Second), body); err != nil {
		c.t.Fatal(err)
	}
}

// chain makes notes of a machine, one after the other.
func (c *controller) chain(key identity.NodeKey, number uint64, count int) []*warrenv1.Statement {
	c.t.Helper()
	var out []*warrenv1.Statement
	mesh, from := c.log().Mesh(), key.ID()
	var previous []byte
	for i := range count {
		s, err := audit.SignNote(&warrenv1.Note{
			Mesh: mesh[:], Chain: number, Sequence: uint64(i) + 1, Previous: previous, Kind: warrenv1.NoteKind_NOTE_KIND_OPENED, //nolint:gosec // few
			Session: make([]byte, 16), Technician: make([]byte, 32), From: from[:], Verb: "shell", OsUser: "root", Time: int64(i),
		}, key)
		if err != nil {
			c.t.Fatal(err)
		}
		hash := identity.HashOf(s)
		previous = hash[:]
		out = append(out, s)
	}
	return out
}

func TestNotesAreShownInTheLog(t *testing.T) {
	c := newController(t)
	c.order(&warrenv1.FormatRaised{Format: command.Newest})
	key := c.admit("web")
	w := c.asWitness(key)
	notes := c.chain(key, 5, 3)
	var last audit.Checkpoint
	for call, ask := range [][]*warrenv1.Statement{notes, notes, notes[1:2]} {
		res, err := w.Note(c.within(20*time.Second), &warrenv1.NoteRequest{Notes: ask})
		if err != nil {
			t.Fatalf("call %d: %v", call, err)
		}
		if last, err = audit.OpenCheckpoint(res.GetCheckpoint(), c.log().Mesh()); err != nil {
			t.Fatal(err)
		}
		for i, n := range res.GetNoted() {
			r, err := audit.Decode(n.GetRecord())
			if err != nil || !proto.Equal(r.GetNote(), ask[i]) {
				t.Errorf("call %d: record %d is not of the note: %v", call, i, err)
			}
			if err := audit.CheckInclusion(n.GetRecord(), r.GetSequence(), n.GetProof(), last.Size, last.Root); err != nil {
				t.Errorf("call %d: %v", call, err)
			}
		}
		if len(res.GetNoted()) != len(ask) || res.GetChain() != nil {
			t.Errorf("call %d: %d records", call, len(res.GetNoted()))
		}
	}
	if size := c.witness.Replica.State().Snapshot().Audit().Size(); last.Size != size || size != 8 {
		t.Errorf("the log has %d records, vouched for are %d, want 8", size, last.Size)
	}

	// Notes that do not continue the chain: the device is told where it is.
	res, err := w.Note(c.within(20*time.Second), &warrenv1.NoteRequest{Notes: c.chain(key, 4, 1)})
	if err != nil || res.GetChain().GetChain() != 5 || res.GetChain().GetSequence() != 3 {
		t.Errorf("a lower chain: %v, %v", res, err)
	}

	// So it is for a note whose number was passed over.
	later := c.chain(key, 6, 2)
	if res, err = w.Note(c.within(20*time.Second), &warrenv1.NoteRequest{Notes: later[1:]}); err != nil || len(res.GetNoted()) != 1 {
		t.Errorf("after a gap: %v, %v", res, err)
	}
	if res, err = w.Note(c.within(20*time.Second), &warrenv1.NoteRequest{Notes: later}); err != nil || res.GetChain().GetSequence() != 2 {
		t.Errorf("in the gap: %v, %v", res, err)
	}

	// The log continues what it was, as asked by anybody.
	proof, err := w.Consistency(c.within(20*time.Second), &warrenv1.ConsistencyRequest{From: 3, To: 8})
	if err != nil {
		t.Fatal(err)
	}
	log := c.witness.Replica.State().Snapshot().Audit()
	three, _ := log.RootAt(3)
	if err := audit.CheckConsistency(3, three, 8, last.Root, proof.GetProof()); err != nil {
		t.Error(err)
	}
	points, err := w.Checkpoint(c.within(20*time.Second), &warrenv1.CheckpointRequest{})
	if err != nil || len(points.GetCheckpoints()) != 1 {
		t.Errorf("checkpoints %v, %v", points, err)
	}
}

func TestOneDeviceCannotFillTheLog(t *testing.T) {
	c := newController(t)
	c.order(&warrenv1.FormatRaised{Format: command.Newest})
	key, other := c.admit("web"), c.admit("mail")
	w := c.asWitness(key)
	notes := c.chain(key, 5, state.NotesAtOnce+audit.MaxNotes)
	for len(notes) > audit.MaxNotes {
		c.order(&warrenv1.AuditNoted{Notes: notes[:audit.MaxNotes]}) // through another controller
		notes = notes[audit.MaxNotes:]
	}
	before := c.witness.Replica.State().Revision()
	if _, err := w.Note(c.within(20*time.Second), &warrenv1.NoteRequest{Notes: notes}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("notes beyond what a notebook holds: %v", err)
	}
	if after := c.witness.Replica.State().Revision(); after != before {
		t.Error("they were ordered before they were refused")
	}
	if _, err := c.asWitness(other).Note(c.within(20*time.Second), &warrenv1.NoteRequest{Notes: c.chain(other, 1, 1)}); err != nil {
		t.Errorf("another device's: %v", err)
	}
}

func TestWitnessRefuses(t *testing.T) {
	c := newController(t)
	web, mail := c.admit("web"), c.admit("mail")
	stranger := c.node("stranger")
	note := func(key identity.NodeKey, notes ...*warrenv1.Statement) error {
		_, err := c.asWitness(key).Note(c.within(20*time.Second), &warrenv1.NoteRequest{Notes: notes})
		return err
	}
	bad := proto.CloneOf(c.chain(web, 1, 1)[0])
	bad.Signatures[0].Signature[0] ^= 1
	records := func(key identity.NodeKey) error {
		_, err := c.asWitness(key).Records(c.within(20*time.Second), &warrenv1.RecordsRequest{})
		return err
	}
	_, beyond := c.asWitness(web).Consistency(c.within(20*time.Second), &warrenv1.ConsistencyRequest{From: 3, To: 100})
	_, checkpoint := c.asWitness(stranger).Checkpoint(c.within(20*time.Second), &warrenv1.CheckpointRequest{})
	_, consistency := c.asWitness(stranger).Consistency(c.within(20*time.Second), &warrenv1.ConsistencyRequest{From: 1, To: 2})
	for name, test := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"no notes":                    {note(web), fault.Invalid},
		"too many":                    {note(web, c.chain(web, 1, audit.MaxNotes+1)...), fault.Invalid},
		"another device's":            {note(mail, c.chain(web, 1, 1)...), fault.Invalid},
		"altered":                     {note(web, bad), fault.Invalid},
		"a stranger's":                {note(stranger, c.chain(stranger, 1, 1)...), fault.Denied},
		"records for a device":        {records(web), fault.Denied},
		"records for a stranger":      {records(stranger), fault.Denied},
		"proof beyond the log":        {beyond, fault.NotFound},
		"checkpoint for a stranger":   {checkpoint, fault.Denied},
		"consistency, for a stranger": {consistency, fault.Denied},
	} {
		if test.err == nil || fault.KindOf(test.err) != test.want {
			t.Errorf("%s: %v, want kind %v", name, test.err, test.want)
		}
	}
	if size := c.witness.Replica.State().Snapshot().Audit().Size(); size != 6 {
		t.Errorf("the log has %d records, want 6", size)
	}
}

// A log longer than one answer comes in pages, and stops where it was vouched
// for first.
func TestRecordsComeInPages(t *testing.T) {
	var log audit.Log
	for n := range uint64(9000) {
		log = log.Append(audit.Encode(&warrenv1.AuditRecord{
			Sequence: n, Time: int64(1000 + n/2), Act: warrenv1.AuditAct_AUDIT_ACT_INVITE_MADE, Reason: string(bytes.Repeat([]byte("x"), 500)), //nolint:gosec // few
		}))
	}
	key := newWorld(t).node("hub")
	p := pages{t: t, log: log, key: key}
	way := Way{Node: key.ID(), WitnessServiceClient: &p, Close: func() {}}
	for name, test := range map[string]struct {
		ask   *warrenv1.RecordsRequest
		first uint64
		count int
	}{
		"all":               {&warrenv1.RecordsRequest{}, 0, 9000},
		"the newest":        {&warrenv1.RecordsRequest{Count: 10, Newest: true}, 8990, 10},
		"since":             {&warrenv1.RecordsRequest{Since: 5000}, 8000, 1000},
		"since, the newest": {&warrenv1.RecordsRequest{Since: 5000, Count: 3, Newest: true}, 8997, 3},
		"since the future":  {&warrenv1.RecordsRequest{Since: 50_000}, 9000, 0},
	} {
		p.asked = 0
		c, err := fetch(context.Background(), way, test.ask, identity.MeshID{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(c.Records) != test.count || test.count > 0 && (c.First != test.first || !bytes.Equal(c.Records[0], log.Record(c.First))) {
			t.Errorf("%s: %d records from %d", name, len(c.Records), c.First)
		}
	}
	// What is ordered while the pages come is left out.
	p.grow = true
	c, err := fetch(context.Background(), way, &warrenv1.RecordsRequest{}, identity.MeshID{})
	if err != nil || uint64(len(c.Records)) != c.Checkpoint.Size {
		t.Errorf("%d records under a checkpoint of %d: %v", len(c.Records), c.Checkpoint.Size, err)
	}
}

// pages answers out of a log.
type pages struct {
	client.Witness
	t     *testing.T
	log   audit.Log
	key   identity.NodeKey
	grow  bool
	asked int
}

func (p *pages) Records(_ context.Context, req *warrenv1.RecordsRequest) (*warrenv1.RecordsResponse, error) {
	if p.asked++; p.asked > 100 {
		p.t.Fatal("it asks for ever")
	}
	if p.grow && p.asked > 1 {
		p.log = p.log.Append(audit.Encode(&warrenv1.AuditRecord{Sequence: p.log.Size(), Act: 1}))
	}
	s, err := audit.SignCheckpoint(p.log, identity.MeshID{}, p.key, time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	out := &warrenv1.RecordsResponse{Checkpoint: s.Statement}
	records(out, p.log, req)
	return out, nil
}
