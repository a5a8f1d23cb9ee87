package audit_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/state/statetest"
	"warren/mesh/identity"
)

// prove answers a question out of a log.
func prove(t *testing.T, l audit.Log, q audit.Question) [][]byte {
	t.Helper()
	proof, err := l.Consistency(q.Sizes())
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

func TestWitnessFollowsALog(t *testing.T) {
	w := newWorld(t)
	records := w.records()
	whole := logOf(records)
	wit := w.witness()
	for n := 4; n <= len(records); n += 3 {
		news, err := wit.Hear(w.sign(logOf(records[:n]), 0, n).Statement)
		if err != nil || !news {
			t.Fatalf("size %d: news %v, %v", n, news, err)
		}
		for _, q := range wit.Due() {
			if err := wit.Settle(q, prove(t, whole, q), q.Told.Node); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A controller that lags behind is no liar, and its own is compared too.
	if _, err := wit.Hear(w.sign(logOf(records[:5]), 8, 1).Statement); err != nil {
		t.Fatal(err)
	}
	due := wit.Due()
	if len(due) != 1 || due[0].Held.Size != 4 || due[0].Told.Size != 5 {
		t.Fatalf("due: %+v", due)
	}
	if err := wit.Settle(due[0], prove(t, whole, due[0]), due[0].Told.Node); err != nil {
		t.Fatal(err)
	}
	var sizes []uint64
	for _, c := range wit.Line() {
		sizes = append(sizes, c.Size)
	}
	if len(sizes) != 5 || sizes[1] != 5 || len(wit.Newest()) != 2 || len(wit.Contradictions()) != 0 {
		t.Errorf("line %v, %d newest, contradictions %v", sizes, len(wit.Newest()), wit.Contradictions())
	}
	// The same again is no news.
	if news, err := wit.Hear(w.sign(logOf(records[:5]), 8, 1).Statement); news || err != nil {
		t.Errorf("the same again: news %v, %v", news, err)
	}
}

func TestContradictions(t *testing.T) {
	w := newWorld(t)
	records := w.records()
	altered := append([][]byte{}, records...)
	altered[6] = edited(t, altered[6], func(r *warrenv1.AuditRecord) { r.Reason = "nothing happened" })
	dropped := append(append([][]byte{}, records[:6]...), records[7:]...)
	honest, evil := logOf(records), logOf(altered)
	zero, eight := w.Machine(0).ID(), w.Machine(8).ID()

	for name, test := range map[string]struct {
		first, then audit.Checkpoint
		evil        audit.Log // what the accused proves from
		accused     identity.NodeID
	}{
		"one controller, two logs of one size": {w.sign(honest, 0, 1), w.sign(evil, 0, 2), evil, zero},
		"the same, the newer heard first":      {w.sign(honest, 0, 3), w.sign(evil, 0, 2), evil, zero},
		"at the very same time":                {w.sign(honest, 0, 1), w.sign(evil, 0, 1), evil, zero},
		"two controllers differ":               {w.sign(honest, 0, 1), w.sign(evil, 8, 1), evil, eight},
		"a log became shorter":                 {w.sign(honest, 0, 1), w.sign(logOf(records[:9]), 0, 2), honest, zero},
		"a record was altered, and more came":  {w.sign(logOf(records[:9]), 0, 1), w.sign(evil, 0, 2), evil, zero},
		"a record was dropped, and more came":  {w.sign(logOf(records[:9]), 0, 1), w.sign(logOf(dropped), 0, 2), logOf(dropped), zero},
		"a lagging controller on a fork":       {w.sign(honest, 0, 1), w.sign(logOf(altered[:9]), 8, 1), evil, eight},
	} {
		t.Run(name, func(t *testing.T) {
			wit := w.witness()
			if _, err := wit.Hear(test.first.Statement); err != nil {
				t.Fatal(err)
			}
			_, err := wit.Hear(test.then.Statement)
			if err == nil {
				due := wit.Due()
				if len(due) != 1 {
					t.Fatalf("due: %v", due)
				}
				// Another controller's proof convicts nobody.
				if err := wit.Settle(due[0], prove(t, test.evil, due[0]), w.Machine(9).ID()); !errors.Is(err, audit.ErrProof) {
					t.Fatalf("a proof by a third: %v", err)
				}
				err = wit.Settle(due[0], prove(t, test.evil, due[0]), due[0].Told.Node)
			}
			list := wit.Contradictions()
			if !errors.Is(err, audit.ErrContradiction) || len(list) != 1 || list[0].Told.Node != test.accused {
				t.Fatalf("error %v, contradictions %+v, want one of node %s", err, list, test.accused.Short())
			}
			// It is not asked again, is still known after a restart, and said once.
			if due := wit.Due(); len(due) != 0 {
				t.Errorf("due: %v", due)
			}
			raw, err := wit.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			again := w.witness()
			if err := again.Unmarshal(raw); err != nil {
				t.Fatal(err)
			}
			if _, err := again.Hear(test.then.Statement); len(again.Contradictions()) != 1 {
				t.Errorf("after a restart: %v, %v", again.Contradictions(), err)
			}
		})
	}
}

func TestWhoMayVouch(t *testing.T) {
	w := newWorld(t)
	wit := w.witness()
	good := w.sign(w.log(), 0, 1).Statement
	bit := proto.CloneOf(good)
	bit.Signatures[0].Signature[1] ^= 1
	other := statetest.New(t, "other")
	foreign, err := audit.SignCheckpoint(w.log(), other.Log().Mesh(), w.Machine(0), statetest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		s    *warrenv1.Statement
		want error
	}{
		"no controller": {w.sign(w.log(), 3, 1).Statement, audit.ErrStranger},
		"a flipped bit": {bit, identity.ErrStatement},
		"another mesh":  {foreign.Statement, identity.ErrStatement},
		"nothing":       {nil, identity.ErrStatement},
		"an empty log":  {w.sign(audit.Log{}, 0, 1).Statement, identity.ErrStatement},
		"another type":  {w.Founding().GetEntries()[0], identity.ErrStatement},
	} {
		if news, err := wit.Hear(test.s); news || !errors.Is(err, test.want) {
			t.Errorf("%s: news %v, error %v", name, news, err)
		}
	}
	if len(wit.Newest()) != 0 {
		t.Error("something was kept")
	}
}

func TestVouch(t *testing.T) {
	w := newWorld(t)
	records := w.records()
	wit := w.witness()
	key, now := w.Machine(0), statetest.Epoch
	vouch := func(l audit.Log, want bool) error {
		t.Helper()
		signed, err := wit.Vouch(l, key, now)
		if signed != want {
			t.Errorf("log of %d records: signed %v", l.Size(), signed)
		}
		return err
	}
	_ = vouch(audit.Log{}, false)
	_ = vouch(logOf(records[:5]), true)
	// The clock may stand still or go back: times rise.
	now = now.Add(-time.Hour)
	_ = vouch(logOf(records[:7]), true)
	if c, _ := wit.Of(key.ID()); c.Size != 7 || !c.Time.After(statetest.Epoch) {
		t.Errorf("newest is %+v", c)
	}
	// A replica that reads its log anew says nothing; one with another log less.
	_ = vouch(logOf(records[:6]), false)
	altered := append([][]byte{}, records...)
	altered[2] = edited(t, altered[2], func(r *warrenv1.AuditRecord) { r.Reason = "x" })
	if err := vouch(logOf(altered), false); !errors.Is(err, audit.ErrContradiction) {
		t.Errorf("another log: %v", err)
	}
	if len(wit.Contradictions()) != 0 {
		t.Error("it accused itself of what it did not sign")
	}
}

func TestLineIsBounded(t *testing.T) {
	w := newWorld(t)
	records := numbered(300)
	whole := logOf(records)
	wit := w.witness()
	for n := 1; n <= len(records); n++ {
		if _, err := wit.Hear(w.sign(logOf(records[:n]), 0, n).Statement); err != nil {
			t.Fatal(err)
		}
		for _, q := range wit.Due() {
			if err := wit.Settle(q, prove(t, whole, q), q.Told.Node); err != nil {
				t.Fatal(err)
			}
		}
	}
	line := wit.Line()
	if len(line) > 64 || line[0].Size != 1 || line[len(line)-1].Size != 300 {
		t.Errorf("%d on the line, from size %d to %d", len(line), line[0].Size, line[len(line)-1].Size)
	}
}

func TestMemoryRefused(t *testing.T) {
	w := newWorld(t)
	wit := w.witness()
	if _, err := wit.Hear(w.sign(w.log(), 0, 1).Statement); err != nil {
		t.Fatal(err)
	}
	bad := w.sign(w.log(), 0, 1).Statement
	bad.Payload[3] ^= 1
	for name, m := range map[string]*warrenv1.Witnessed{
		"a flipped bit in line":  {Line: []*warrenv1.Statement{bad}},
		"a flipped bit in heard": {Heard: []*warrenv1.Statement{bad}},
		"half a contradiction":   {Against: []*warrenv1.Contradicting{{Held: w.sign(w.log(), 0, 1).Statement}}},
		"too long a line":        {Line: make([]*warrenv1.Statement, 65)},
		"out of order": {Line: []*warrenv1.Statement{
			w.sign(w.log(), 0, 1).Statement, w.sign(logOf(w.records()[:3]), 0, 1).Statement,
		}},
	} {
		raw, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := wit.Unmarshal(raw); !errors.Is(err, audit.ErrMemory) || len(wit.Line()) != 1 {
			t.Errorf("%s: %v, %d on the line", name, err, len(wit.Line()))
		}
	}
	if err := wit.Unmarshal(make([]byte, audit.MaxMemory+1)); !errors.Is(err, audit.ErrMemory) {
		t.Error(err)
	}
}

// A controller cannot push out what it signed by signing more: what was not
// compared yet is compared all the same.
func TestUncomparedCheckpointsStay(t *testing.T) {
	w := newWorld(t)
	records := w.records()
	altered := append([][]byte{}, records...)
	altered[8] = edited(t, altered[8], func(r *warrenv1.AuditRecord) { r.Reason = "x" })
	for len(altered) < 40 {
		altered = append(altered, numbered(1)[0])
	}
	wit := w.witness()
	for minute, l := range []audit.Log{logOf(records[:4]), logOf(records)} {
		if _, err := wit.Hear(w.sign(l, 0, minute).Statement); err != nil {
			t.Fatal(err)
		}
	}
	for n := len(records) + 1; n < len(altered); n++ {
		if _, err := wit.Hear(w.sign(logOf(altered[:n]), 0, n).Statement); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := wit.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again := w.witness()
	if err := again.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	evil := logOf(altered)
	due := again.Due()
	if len(due) != 8 {
		t.Fatalf("%d questions are due, want 8", len(due))
	}
	for _, q := range due {
		_ = again.Settle(q, prove(t, evil, q), w.Machine(0).ID())
	}
	list := again.Contradictions()
	if len(list) == 0 || list[0].Told.Size != uint64(len(records)) || len(again.Due()) != 0 {
		t.Errorf("contradictions %+v, still due %d", list, len(again.Due()))
	}
}
