package notebook_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/mesh/identity"
	"warren/node/notebook"
)

// disk is a file that may be lost, set back or broken.
type disk struct {
	data, before []byte
	old          bool
	fail         error
}

func (d *disk) Load() ([]byte, bool, error) { return d.data, d.old, d.fail }

func (d *disk) Store(data []byte) error {
	if d.fail != nil {
		return d.fail
	}
	d.before, d.data = d.data, data
	return nil
}

type device struct {
	t    *testing.T
	key  identity.NodeKey
	mesh identity.MeshID
	disk *disk
	log  bytes.Buffer
	now  time.Time
	*notebook.Book
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, key: key, mesh: identity.MeshID{7}, disk: &disk{}, now: time.Unix(1_800_000_000, 0)}
	d.start()
	return d
}

// start reads the notebook as the node does when it starts.
func (d *device) start() {
	d.Book = notebook.Open(notebook.Config{
		Key: d.key, Mesh: d.mesh, Storage: d.disk, Log: slog.New(slog.NewTextHandler(&d.log, nil)),
		Now: func() time.Time { return d.now },
	})
}

func (d *device) add(kind warrenv1.NoteKind, session byte) {
	d.Add(notebook.Event{
		Kind: kind, Session: [16]byte{session}, Technician: make([]byte, 32), Verb: "shell", OSUser: "root", Time: d.now,
	})
}

func (d *device) save() {
	d.t.Helper()
	if err := d.Save(); err != nil {
		d.t.Fatal(err)
	}
}

// notes are those that wait, opened; they follow on each other.
func (d *device) notes() []audit.Note {
	d.t.Helper()
	var out []audit.Note
	for _, s := range d.Waiting() {
		n, err := audit.OpenNote(s, d.mesh)
		if err != nil {
			d.t.Fatal(err)
		}
		if i := len(out); i > 0 && (n.Sequence != out[i-1].Sequence+1 || n.Previous != out[i-1].Hash) {
			d.t.Fatalf("note %d does not follow note %d", n.Sequence, out[i-1].Sequence)
		}
		out = append(out, n)
	}
	return out
}

const (
	opened  = warrenv1.NoteKind_NOTE_KIND_OPENED
	ended   = warrenv1.NoteKind_NOTE_KIND_ENDED
	refused = warrenv1.NoteKind_NOTE_KIND_REFUSED
)

func TestOnlyWhatIsOnDiskIsHandedOut(t *testing.T) {
	d := newDevice(t)
	d.add(opened, 1)
	if n := d.notes(); len(n) != 0 {
		t.Fatalf("%d notes before they are on disk", len(n))
	}
	d.save()
	d.add(ended, 1)
	if n := d.notes(); len(n) != 1 || n[0].Sequence != 1 {
		t.Fatalf("notes %v", n)
	}
	d.save()
	d.Done(d.notes()[0])
	if n := d.notes(); len(n) != 1 || n[0].Sequence != 2 {
		t.Fatalf("notes %v", n)
	}
	// A crash before that is on disk: it is handed out again, the same.
	first := d.notes()
	d.start()
	if n := d.notes(); len(n) != 2 || n[1].Hash != first[0].Hash {
		t.Fatalf("after a crash: %v", n)
	}
	d.Done(d.notes()[1])
	d.Done(first[0]) // twice
	d.save()
	d.start()
	d.add(opened, 2)
	d.save()
	if n := d.notes(); len(n) != 1 || n[0].Sequence != 3 || n[0].Previous != first[0].Hash {
		t.Fatalf("the chain does not go on: %v", n)
	}
}

func TestSessionsThatACrashCutOffAreNoted(t *testing.T) {
	d := newDevice(t)
	d.add(opened, 1)
	d.add(opened, 2)
	d.add(ended, 1)
	d.save()
	d.start()
	d.save()
	n := d.notes()
	if len(n) != 4 || n[3].Act != warrenv1.AuditAct_AUDIT_ACT_SESSION_ENDED || n[3].Body.GetSession()[0] != 2 ||
		n[3].Body.GetCause() == "" || n[3].Body.GetVerb() != "shell" {
		t.Fatalf("notes %v", n)
	}
	d.start()
	d.save()
	if again := d.notes(); len(again) != 4 {
		t.Errorf("%d notes after another start", len(again))
	}
}

func TestLostNotebooksBeginAnotherChain(t *testing.T) {
	d := newDevice(t)
	d.add(refused, 1)
	d.add(refused, 2)
	d.save()
	before := d.notes()[0].Chain

	// Set back to an older generation: what waits in it is signed anew.
	d.now = d.now.Add(-time.Hour) // a clock that went back, too
	d.disk.old = true
	d.start()
	d.save()
	n := d.notes()
	if len(n) != 2 || n[0].Chain <= before || n[0].Sequence != 1 {
		t.Fatalf("notes %v, chain %d after %d", n, n[0].Chain, before)
	}
	if !strings.Contains(d.log.String(), "another chain of notes begins") {
		t.Errorf("log: %s", d.log.String())
	}
	d.disk.old = false

	// The log knows notes that this notebook does not.
	d.Anew(n[0].Chain + 1_000_000_000)
	if len(d.notes()) != 0 {
		t.Error("the new chain is handed out before it is on disk")
	}
	d.save()
	if again := d.notes(); len(again) != 2 || again[0].Chain != n[0].Chain+1_000_000_001 {
		t.Fatalf("notes %v", again)
	}
	d.Done(n[1]) // of the chain before
	if len(d.notes()) != 2 {
		t.Error("a note of another chain was taken for this one's")
	}

	// Damaged beyond use, or another device's: the node starts all the same.
	for name, data := range map[string][]byte{"noise": []byte("noise"), "another device's": newDeviceWithNote(t).disk.data} {
		d.disk.data = data
		d.start()
		if len(d.notes()) != 0 || !strings.Contains(d.log.String(), "another one begins") {
			t.Errorf("%s: %v, log %s", name, d.notes(), d.log.String())
		}
		d.log.Reset()
	}
	d.disk.fail = errors.New("broken")
	d.start()
	d.add(opened, 1)
	if err := d.Save(); err == nil {
		t.Error("a broken disk is not told")
	}
}

func newDeviceWithNote(t *testing.T) *device {
	d := newDevice(t)
	d.add(opened, 9)
	d.save()
	return d
}

func TestTheOldestIsDroppedLoudly(t *testing.T) {
	d := newDevice(t)
	for range notebook.MaxWaiting + 3 {
		d.add(opened, 1)
		d.add(ended, 1)
		d.now = d.now.Add(time.Second)
	}
	d.save()
	n := d.notes()
	if len(n) != audit.MaxNotes || n[0].Sequence != notebook.MaxWaiting+7 || d.Dropped() != notebook.MaxWaiting+6 {
		t.Errorf("%d notes from %d on, %d dropped", len(n), n[0].Sequence, d.Dropped())
	}
	if !strings.Contains(d.log.String(), "oldest note of a session was dropped") {
		t.Error("nothing is said")
	}
	d.start()
	if n := d.notes(); n[0].Sequence != notebook.MaxWaiting+7 || d.Dropped() != notebook.MaxWaiting+6 {
		t.Errorf("after a start: from %d on, %d dropped", n[0].Sequence, d.Dropped())
	}
}

func TestFloodsOfRefusalsAreCounted(t *testing.T) {
	d := newDevice(t)
	for range 1000 {
		d.add(refused, 1)
	}
	d.add(opened, 2)
	d.save()
	n := d.notes()
	if len(n) != 31 || n[30].Body.GetUnnoted() != 970 || n[30].Act != warrenv1.AuditAct_AUDIT_ACT_SESSION_OPENED {
		t.Errorf("%d notes, the last after %d more", len(n), n[len(n)-1].Body.GetUnnoted())
	}
	d.now = d.now.Add(time.Minute)
	d.add(refused, 3)
	d.save()
	if n := d.notes(); len(n) != 32 || n[31].Body.GetUnnoted() != 0 {
		t.Errorf("%d notes a minute later", len(n))
	}
}

// TestFloodsOfCopiesAreCounted: copying cannot push out what opened.
func TestFloodsOfCopiesAreCounted(t *testing.T) {
	d := newDevice(t)
	d.add(opened, 1)
	for range 10_000 {
		d.add(warrenv1.NoteKind_NOTE_KIND_NOTED, 1)
	}
	d.add(opened, 2)
	d.save()
	n := d.notes()
	if len(n) != 32 || n[0].Act != warrenv1.AuditAct_AUDIT_ACT_SESSION_OPENED || n[31].Body.GetUnnoted() != 9970 {
		t.Errorf("%d notes, the last after %d more", len(n), n[len(n)-1].Body.GetUnnoted())
	}
}

func TestRun(t *testing.T) {
	d := newDevice(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	watch := d.Watch()
	d.add(opened, 1)
	<-watch
	if len(d.notes()) != 1 {
		t.Error("the note is not on disk")
	}
	cancel()
	<-done
}

func FuzzOpen(f *testing.F) {
	t := &testing.T{}
	seed, err := identity.NodeKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		f.Fatal(err)
	}
	d := &device{t: t, key: seed, mesh: identity.MeshID{7}, disk: &disk{}, now: time.Unix(1_800_000_000, 0)}
	d.start()
	d.add(opened, 1)
	d.add(refused, 2)
	if err := d.Save(); err != nil {
		f.Fatal(err)
	}
	f.Add(d.disk.data)
	f.Add(d.disk.data[:len(d.disk.data)-5])
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &device{t: t, key: seed, mesh: identity.MeshID{7}, disk: &disk{data: data}, now: time.Unix(1_800_000_000, 0)}
		d.start()
		d.add(opened, 3)
		d.save()
		d.notes()
	})
}
