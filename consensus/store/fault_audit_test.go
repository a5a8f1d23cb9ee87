//go:build linux

package store

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/scripts/soak/faulttest"
)

// auditDevices note their sessions at a time, each in a chain of its own;
// auditBatch notes go into one command. When one has noted what it may,
// another takes its place, auditTurns times.
const (
	auditDevices = 8
	auditTurns   = 12
	auditBatch   = 16
)

// AuditAsk is for the root, and for the records from one on where Records.
type AuditAsk struct {
	Records bool
	From    uint64
}

// AuditAnswer is a controller's audit log; the records begin at First.
type AuditAnswer struct {
	Size    uint64
	Root    audit.Hash
	First   uint64
	Records [][]byte
}

// Audit tells a controller's audit log.
func (n *Node) Audit(ask AuditAsk, out *AuditAnswer) error {
	log := n.kv.state.Snapshot().Audit()
	*out = AuditAnswer{Size: log.Size(), Root: log.Root(), First: max(ask.From, log.First())}
	for at := out.First; ask.Records && at < log.Size(); at++ {
		out.Records = append(out.Records, log.Record(at))
	}
	return nil
}

// AuditRange asks that the log of size To continues the one of size From.
type AuditRange struct{ From, To uint64 }

// Continues gives the proof.
func (n *Node) Continues(r AuditRange, out *[][]byte) (err error) {
	*out, err = n.kv.state.Snapshot().Audit().Consistency(r.From, r.To)
	return err
}

// audited is what the clients of the test saw.
type audited struct {
	mu    sync.Mutex
	acked map[[32]byte]bool
	asked int
	seen  map[uint64]audit.Hash // roots by size
	split string                // two roots of one size
	// records are the log's from its beginning: controllers let go of the
	// text of old ones.
	records [][]byte
}

// TestFaultR24AuditUnderCrash kills controllers while devices hand in notes of
// sessions, and hands each batch in again whose outcome is not known. Every
// acknowledged note is in the log, once, in its device's order, and all that
// controllers ever told of the log is one history.
func TestFaultR24AuditUnderCrash(t *testing.T) {
	run := faulttest.Begin(t, "R-24")
	if testing.Short() {
		t.Skip("three processes under load")
	}
	c := newProcesses(t, 3)
	log := c.admitDevices()
	a := &audited{acked: map[[32]byte]bool{}, seen: map[uint64]audit.Hash{}}
	stop := make(chan struct{})
	var working sync.WaitGroup
	began := time.Now()
	for device := range auditDevices {
		working.Go(func() { a.hand(c, log, device, stop) })
	}
	kills := run.Pick(4, 60)
	killings(c, run, kills)
	close(stop)
	working.Wait()
	took := time.Since(began)
	for i := range c.procs {
		a.look(c, i)
	}
	if a.split != "" {
		t.Error(a.split)
	}

	whole := a.whole(c)
	rebuilt := audit.Log{}
	chains := map[identity.NodeID]audit.Chain{}
	found := map[[32]byte]int{}
	for at, raw := range a.records {
		rebuilt = rebuilt.Append(raw)
		r, err := audit.Decode(raw)
		if err != nil || r.GetSequence() != uint64(at) { //nolint:gosec // counts up from 0
			t.Fatalf("record %d says it is %d: %v", at, r.GetSequence(), err)
		}
		if r.GetNote() == nil {
			continue
		}
		n, err := audit.OpenNote(r.GetNote(), log.Mesh())
		if err != nil {
			t.Fatalf("record %d: %v", at, err)
		}
		next, known, missing, anew, err := chains[n.Device].Next(n)
		if err != nil || known || missing != 0 || anew {
			t.Fatalf("record %d: known %v, %d missing, anew %v: %v", at, known, missing, anew, err)
		}
		chains[n.Device], found[n.Hash] = next, found[n.Hash]+1
	}
	if rebuilt.Size() != whole.Size || rebuilt.Root() != whole.Root {
		t.Errorf("the %d records that were read are not the log of %d", rebuilt.Size(), whole.Size)
	}
	lost := 0
	for hash := range a.acked {
		if found[hash] != 1 {
			lost++
		}
	}
	// The one history: each root seen is continued by the newest.
	for size, root := range a.seen {
		var proof [][]byte
		client := c.dial(1)
		if err := client.Call("Node.Continues", AuditRange{size, whole.Size}, &proof); err != nil {
			t.Fatal(err)
		}
		_ = client.Close()
		if err := audit.CheckConsistency(size, root, whole.Size, whole.Root, proof); err != nil {
			t.Errorf("the log of %d records does not continue the one of %d: %v", whole.Size, size, err)
		}
	}
	run.Figure("kills", kills)
	run.Figure("notes_acknowledged", len(a.acked))
	run.Figure("notes_per_second", int(float64(len(a.acked))/took.Seconds()))
	run.Figure("records", whole.Size)
	run.Figure("commands", a.asked)
	run.Figure("lost_or_twice", lost)
	run.Figure("checkpoints_seen", len(a.seen))
	if lost != 0 {
		t.Errorf("%d acknowledged notes are lost or there twice", lost)
	}
	if len(a.acked) < 100*kills {
		t.Errorf("only %d notes were acknowledged: the test shows little", len(a.acked))
	}
}

// admitDevices lets the devices in, and gives the log that has them.
func (c *processes) admitDevices() *trust.Log {
	c.t.Helper()
	log := c.log
	invite := c.mesh.Invite(log, 1)
	var bodies []any
	for device := range auditDevices * auditTurns {
		bodies = append(bodies, c.mesh.Record(log, invite, 100+device, func(r *warrenv1.DeviceRecord) {
			r.Invite, r.Name = nil, fmt.Sprintf("device-%d", device)
		}))
	}
	client := c.client()
	defer client.close()
	made, err := command.New(c.mesh.Append(log, bodies...))
	if err != nil {
		c.t.Fatal(err)
	}
	raw, err := made.Encode()
	if err != nil {
		c.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		out, _, err := client.ask(Ask{Command: raw}, deadline)
		if err != nil {
			c.t.Fatal(err)
		}
		if out.Outcome == done {
			return log
		}
	}
}

// hand makes a device's notes and hands them in, batch by batch, each until it
// is acknowledged.
func (a *audited) hand(c *processes, log *trust.Log, device int, stop <-chan struct{}) {
	client := c.client()
	defer client.close()
	var book *statetest.Notebook
	reads := device == 0
	for n := range auditTurns * state.NotesAtOnce / auditBatch {
		if n%(state.NotesAtOnce/auditBatch) == 0 {
			book = c.mesh.Notebook(100+device, 1)
			device += auditDevices
		}
		var batch []*warrenv1.Statement
		for range auditBatch {
			batch = append(batch, book.Note(log))
		}
		made, err := command.New(&warrenv1.AuditNoted{Notes: batch})
		if err != nil {
			c.t.Error(err)
			return
		}
		raw, err := made.Encode()
		if err != nil {
			c.t.Error(err)
			return
		}
		for acknowledged := false; !acknowledged; {
			select {
			case <-stop:
				return
			default:
			}
			out, at, err := client.ask(Ask{Command: raw}, time.Now().Add(time.Minute))
			if err != nil {
				c.t.Error(err)
				return
			}
			acknowledged = out.Outcome == done
			a.mu.Lock()
			a.asked++
			for _, s := range batch {
				if acknowledged {
					a.acked[identity.HashOf(s)] = true
				}
			}
			a.mu.Unlock()
			if acknowledged && client.conns[at] != nil {
				var told AuditAnswer
				if client.conns[at].Call("Node.Audit", AuditAsk{reads, a.read()}, &told) == nil {
					a.saw(told)
				}
			}
		}
	}
}

// look asks one controller for its log's root, once it has all that was seen
// anywhere: one that was just started reads its log anew.
func (a *audited) look(c *processes, i int) {
	c.t.Helper()
	client := c.dial(i)
	defer client.Close()
	most := slices.Max(slices.Collect(maps.Keys(a.seen)))
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var told AuditAnswer
		if err := client.Call("Node.Audit", AuditAsk{}, &told); err != nil {
			c.t.Fatal(err)
		}
		if told.Size >= most {
			a.saw(told)
			return
		}
	}
	c.t.Fatalf("controller %d does not come to %d records", i, most)
}

func (a *audited) saw(told AuditAnswer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if root, known := a.seen[told.Size]; known && root != told.Root {
		a.split = fmt.Sprintf("two controllers tell two logs of %d records", told.Size)
	}
	a.seen[told.Size] = told.Root
	// Of what begins later, the text between was let go unread.
	if have := uint64(len(a.records)); told.First <= have && have < told.First+uint64(len(told.Records)) {
		a.records = append(a.records, told.Records[have-told.First:]...)
	}
}

// read is how many records were read.
func (a *audited) read() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return uint64(len(a.records))
}

// whole reads the rest of the records, and gives the root of all.
func (a *audited) whole(c *processes) (out AuditAnswer) {
	c.t.Helper()
	client := c.dial(0)
	defer client.Close()
	if err := client.Call("Node.Audit", AuditAsk{true, a.read()}, &out); err != nil {
		c.t.Fatal(err)
	}
	a.saw(out)
	return out
}
