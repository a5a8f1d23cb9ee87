package notebook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/mesh/identity"
)

const (
	// MaxWaiting is how many notes wait for a controller; 2,048 fill 1 MB.
	MaxWaiting = 2048
	// maxOpen bounds the sessions remembered as open: more than a device serves.
	maxOpen = 512
	// bounded are refusals, and what happens within sessions, each noted one by
	// one up to that many a minute; the rest is counted. Neither may push out
	// what opened and what ended.
	bounded = 30
)

// Storage keeps one file's bytes, replaced whole. Load gives nil without an
// error where there is none; old tells that it is an older generation.
type Storage interface {
	Load() (data []byte, old bool, err error)
	Store(data []byte) error
}

// Config of a Book; all fields but Now are needed.
type Config struct {
	Key     identity.NodeKey
	Mesh    identity.MeshID
	Storage Storage
	Log     *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Event is what the device tells of a session.
type Event struct {
	Kind       warrenv1.NoteKind
	Session    [16]byte
	Technician []byte
	From       identity.NodeID
	Verb       string
	OSUser     string
	Reason     string
	Cause      string
	Time       time.Time
}

// Book is a device's notebook.
type Book struct {
	cfg Config

	mu      sync.Mutex
	chain   audit.Chain
	waiting []*warrenv1.Statement
	saved   uint64 // the newest note of the chain that is on disk
	dropped uint64
	open    []*warrenv1.Note
	unnoted uint64
	since   time.Time // of the minute that counts are of
	counts  map[warrenv1.NoteKind]int
	dirty   bool
	wake    chan struct{} // something to save
	changed chan struct{} // closed when something was saved
}

// Open reads the notebook. A damaged one is no reason to stop: another chain
// begins, and the log shows it.
func Open(cfg Config) *Book {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	b := &Book{cfg: cfg, wake: make(chan struct{}, 1), changed: make(chan struct{})}
	data, old, err := cfg.Storage.Load()
	if err == nil && len(data) > 0 {
		err = b.read(data)
	}
	switch {
	case err != nil:
		cfg.Log.Error("notebook of sessions is lost; another one begins", "err", err)
	case old:
		cfg.Log.Error("newest notebook of sessions is lost; another chain of notes begins")
		b.begin(b.chain.Number)
	}
	if !old {
		b.saved = b.chain.Sequence
	}
	for _, n := range b.open {
		b.note(&warrenv1.Note{
			Kind: warrenv1.NoteKind_NOTE_KIND_ENDED, Session: n.GetSession(), Technician: n.GetTechnician(), From: n.GetFrom(),
			Verb: n.GetVerb(), OsUser: n.GetOsUser(), Reason: n.GetReason(), Cause: "the node of the device ended",
			Time: cfg.Now().UnixMilli(),
		})
	}
	b.open = nil
	return b
}

func (b *Book) read(data []byte) error {
	var m warrenv1.Notebook
	if err := proto.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if len(m.GetWaiting()) > MaxWaiting || len(m.GetOpen()) > maxOpen {
		return fmt.Errorf("%d notes and %d sessions", len(m.GetWaiting()), len(m.GetOpen()))
	}
	c := m.GetChain()
	var chain audit.Chain
	for _, s := range m.GetWaiting() {
		n, err := audit.OpenNote(s, b.cfg.Mesh)
		if err != nil {
			return err
		}
		if n.Device != b.cfg.Key.ID() {
			return errors.New("of another device")
		}
		next, _, missing, _, err := chain.Next(n)
		if err == nil && chain.Number != 0 && (missing != 0 || next.Number != chain.Number) {
			err = errors.New("a note is missing")
		}
		if err != nil {
			return err
		}
		chain = next
	}
	b.chain = audit.Chain{Number: c.GetChain(), Sequence: c.GetSequence()}
	copy(b.chain.Head[:], c.GetHead())
	if len(m.GetWaiting()) > 0 && (chain.Number != b.chain.Number || chain.Sequence != b.chain.Sequence || chain.Head != b.chain.Head) {
		return errors.New("the newest note is not the chain's")
	}
	b.waiting, b.dropped, b.open = m.GetWaiting(), m.GetDropped(), m.GetOpen()
	return nil
}

// begin starts another chain above a number, and signs what waits anew into
// it. Nothing of it is on disk yet.
func (b *Book) begin(above uint64) {
	old := b.waiting
	b.chain = audit.Chain{Number: max(above+1, uint64(max(0, b.cfg.Now().UnixMilli())))} //nolint:gosec // not below 0
	b.waiting, b.saved = nil, 0
	for _, s := range old {
		var n warrenv1.Note
		if err := proto.Unmarshal(s.GetPayload(), &n); err == nil {
			b.note(&n)
		}
	}
}

// note signs the next note of the chain, b.mu held (or nobody else there yet).
func (b *Book) note(n *warrenv1.Note) {
	if b.chain.Number == 0 {
		b.begin(0)
	}
	n.Mesh, n.Chain, n.Sequence = b.cfg.Mesh[:], b.chain.Number, b.chain.Sequence+1
	n.Previous = nil
	if b.chain.Sequence > 0 {
		n.Previous = slices.Clone(b.chain.Head[:])
	}
	s, err := audit.SignNote(n, b.cfg.Key)
	if err != nil {
		b.cfg.Log.Error("note of a session was not made", "err", err)
		return
	}
	b.chain.Sequence, b.chain.Head = n.GetSequence(), identity.HashOf(s)
	b.waiting = append(b.waiting, s)
	if len(b.waiting) > MaxWaiting {
		b.waiting = b.waiting[1:]
		b.dropped++
		b.cfg.Log.Error("oldest note of a session was dropped: no controller took it", "dropped", b.dropped)
	}
	b.touch()
}

func (b *Book) touch() {
	b.dirty = true
	b.wakeUp()
}

func (b *Book) wakeUp() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Add notes an event.
func (b *Book) Add(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tooMany(e) {
		b.unnoted++
		return
	}
	n := &warrenv1.Note{
		Kind: e.Kind, Session: e.Session[:], Technician: e.Technician, From: e.From[:], Verb: e.Verb, OsUser: e.OSUser,
		Reason: e.Reason, Cause: e.Cause, Time: max(0, e.Time.UnixMilli()), Unnoted: b.unnoted,
	}
	b.unnoted = 0
	ended := func(o *warrenv1.Note) bool { return string(o.GetSession()) == string(e.Session[:]) }
	switch e.Kind {
	case warrenv1.NoteKind_NOTE_KIND_OPENED:
		if len(b.open) < maxOpen {
			b.open = append(b.open, n)
		}
	case warrenv1.NoteKind_NOTE_KIND_ENDED:
		b.open = slices.DeleteFunc(b.open, ended)
	default:
	}
	b.note(n)
}

// tooMany counts what is bounded.
func (b *Book) tooMany(e Event) bool {
	if e.Kind != warrenv1.NoteKind_NOTE_KIND_REFUSED && e.Kind != warrenv1.NoteKind_NOTE_KIND_NOTED {
		return false
	}
	if age := e.Time.Sub(b.since); age < 0 || age >= time.Minute {
		b.since, b.counts = e.Time, map[warrenv1.NoteKind]int{}
	}
	b.counts[e.Kind]++
	return b.counts[e.Kind] > bounded
}

// retry is how long Run waits for a disk that took nothing.
const retry = 5 * time.Second

// Run writes to disk what is new until ctx ends; where the disk takes nothing
// it says so and goes on trying. Save once more when nobody adds any longer.
func (b *Book) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		}
		if err := b.Save(); err != nil {
			b.cfg.Log.Error("notes of sessions are not on disk", "err", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(retry):
			}
			b.wakeUp()
		}
	}
}

// Save writes to disk what is new. One at a time.
func (b *Book) Save() error {
	b.mu.Lock()
	if !b.dirty {
		b.mu.Unlock()
		return nil
	}
	b.dirty = false
	chain, device := b.chain, b.cfg.Key.ID()
	m := &warrenv1.Notebook{
		Chain: &warrenv1.NoteChain{
			Device: device[:], Chain: chain.Number, Sequence: chain.Sequence, Head: chain.Head[:],
		},
		Waiting: slices.Clone(b.waiting), Dropped: b.dropped, Open: slices.Clone(b.open),
	}
	b.mu.Unlock()
	data, err := proto.Marshal(m)
	if err == nil {
		err = b.cfg.Storage.Store(data)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.dirty = true
		return fmt.Errorf("store notebook: %w", err)
	}
	if b.chain.Number == chain.Number {
		b.saved = chain.Sequence
	}
	close(b.changed)
	b.changed = make(chan struct{})
	return nil
}

// first is the number of the oldest note that waits, b.mu held.
func (b *Book) first() uint64 {
	return b.chain.Sequence + 1 - uint64(len(b.waiting)) //nolint:gosec // at most MaxWaiting
}

// Waiting gives the oldest notes that wait and are on disk, at most
// audit.MaxNotes.
func (b *Book) Waiting() []*warrenv1.Statement {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.first()
	if b.saved < first {
		return nil
	}
	count := min(b.saved-first+1, audit.MaxNotes)
	return slices.Clone(b.waiting[:count])
}

// Done drops what waits up to and including a note: the log has it.
func (b *Book) Done(n audit.Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.first()
	if n.Chain != b.chain.Number || n.Sequence < first || n.Sequence > b.chain.Sequence {
		return
	}
	b.waiting = slices.Clone(b.waiting[n.Sequence-first+1:])
	b.touch()
}

// Anew begins another chain, above the number that the log knows for this
// device: the log has notes that this notebook does not know of.
func (b *Book) Anew(known uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cfg.Log.Error("notes of sessions do not continue those in the log; another chain begins")
	b.begin(max(known, b.chain.Number))
	b.touch()
}

// Dropped counts the notes that no controller took before there were too many.
func (b *Book) Dropped() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Watch is closed when something new is on disk.
func (b *Book) Watch() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}
