package audit

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

const (
	// maxLine is how many compared checkpoints a machine keeps. Beyond it the
	// older half is thinned out.
	maxLine = 64
	// maxContradictions is how many are kept; the first ones say it all.
	maxContradictions = 16
	// maxVouchers bounds the controllers whose checkpoints are kept, and maxHeard
	// those of one: its newest, and the oldest that are not compared yet.
	maxVouchers = 64
	maxHeard    = 8
)

// ErrContradiction says that a controller vouched for two histories, or two of
// them did.
var ErrContradiction = errors.New("two histories of the audit log")

// ErrStranger says that no controller signed a checkpoint.
var ErrStranger = errors.New("not a controller")

// Contradiction is two signed checkpoints that cannot both be true. Who signed
// Told has to explain itself; Held was known before.
type Contradiction struct {
	Held, Told Checkpoint
	Why        string
}

// Witness is what one machine remembers of the audit log: a line of
// checkpoints of which each was shown to continue the one before, and the
// newest of each controller. It is safe for concurrent use.
type Witness struct {
	mesh       identity.MeshID
	controller func(identity.NodeID) bool

	mu      sync.Mutex
	line    []Checkpoint                     // by size, each compared with its neighbours
	heard   map[identity.NodeID][]Checkpoint // by time; all but the last are not compared yet
	against []Contradiction
	changed chan struct{}
}

// NewWitness knows nothing yet. controller tells who may vouch; it is called
// from any goroutine and must not call the Witness.
func NewWitness(mesh identity.MeshID, controller func(identity.NodeID) bool) *Witness {
	return &Witness{
		mesh: mesh, controller: controller, heard: map[identity.NodeID][]Checkpoint{}, changed: make(chan struct{}),
	}
}

// Hear takes in a checkpoint and reports whether it is news that others should
// hear. A contradiction is kept, and is ErrContradiction too; other errors
// wrap identity.ErrStatement and ErrStranger.
func (w *Witness) Hear(s *warrenv1.Statement) (news bool, err error) {
	w.mu.Lock()
	known := w.knows(s)
	w.mu.Unlock()
	if known {
		return false, nil
	}
	c, err := OpenCheckpoint(s, w.mesh)
	if err != nil {
		return false, err
	}
	if !w.controller(c.Node) {
		return false, fmt.Errorf("checkpoint of node %s: %w", c.Node.Short(), ErrStranger)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	held, ok := w.newest(c.Node)
	if ok && !c.Time.After(held.Time) {
		return false, w.compare(c)
	}
	if !ok && len(w.heard) >= maxVouchers {
		return false, fmt.Errorf("checkpoints of %d controllers: %w", len(w.heard), ErrStranger)
	}
	if err := w.compare(c); err != nil {
		return true, err // what was held before stays: it is the evidence
	}
	w.keep(c)
	if len(w.line) == 0 {
		w.line = append(w.line, c) // the first one heard is believed
	}
	w.stir()
	return true, nil
}

// knows saves checking a signature that was checked already.
func (w *Witness) knows(s *warrenv1.Statement) bool {
	for _, list := range w.heard {
		if slices.ContainsFunc(list, func(c Checkpoint) bool { return proto.Equal(c.Statement, s) }) {
			return true
		}
	}
	return slices.ContainsFunc(w.against, func(k Contradiction) bool {
		return proto.Equal(k.Held.Statement, s) || proto.Equal(k.Told.Statement, s)
	})
}

// newest is what a controller vouched for last, w.mu held.
func (w *Witness) newest(id identity.NodeID) (Checkpoint, bool) {
	list := w.heard[id]
	if len(list) == 0 {
		return Checkpoint{}, false
	}
	return list[len(list)-1], true
}

// keep makes c its controller's newest. The one before stays until it is
// compared: a controller must not push out what it would rather not have
// signed. Where it signs faster than anybody compares, those in the middle go.
func (w *Witness) keep(c Checkpoint) {
	list := append(w.heard[c.Node], c)
	if len(list) > maxHeard {
		list = slices.Delete(list, maxHeard-1, maxHeard)
	}
	w.heard[c.Node] = list
	w.prune()
}

// prune drops older checkpoints that are compared, or told against.
func (w *Witness) prune() {
	for id, list := range w.heard {
		last := len(list) - 1
		kept := slices.DeleteFunc(slices.Clone(list[:last]), func(c Checkpoint) bool {
			_, on := slices.BinarySearchFunc(w.line, c.Size, bySize)
			return on || w.accused(c)
		})
		w.heard[id] = append(kept, list[last])
	}
}

// compare holds c against what needs no proof.
func (w *Witness) compare(c Checkpoint) error {
	if held, ok := w.newest(c.Node); ok {
		earlier, later := held, c
		if c.Time.Before(held.Time) {
			earlier, later = c, held
		}
		if later.Size < earlier.Size {
			return w.accuse(held, c, fmt.Sprintf("its log had %d records and later %d", earlier.Size, later.Size))
		}
	}
	for _, held := range w.all() {
		if held.Size == c.Size && held.Root != c.Root {
			return w.accuse(held, c, fmt.Sprintf("two logs of %d records differ", c.Size))
		}
	}
	return nil
}

func (w *Witness) all() []Checkpoint {
	out := slices.Clone(w.line)
	for _, list := range w.heard {
		out = append(out, list...)
	}
	return out
}

// accuse keeps a contradiction, w.mu held.
func (w *Witness) accuse(held, told Checkpoint, why string) error {
	if !w.accused(told) && len(w.against) < maxContradictions {
		w.against = append(w.against, Contradiction{held, told, why})
		w.stir()
	}
	return fmt.Errorf("%w: node %s: %s", ErrContradiction, told.Node.Short(), why)
}

// Question is a proof that is due: that of Told and Held the longer log
// continues the shorter. Ask the node that signed Told first.
type Question struct{ Held, Told Checkpoint }

// Sizes are those of the shorter and the longer log.
func (q Question) Sizes() (from, to uint64) {
	return min(q.Held.Size, q.Told.Size), max(q.Held.Size, q.Told.Size)
}

// Due lists the comparisons that need a proof.
func (w *Witness) Due() []Question {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Question
	for _, list := range w.heard {
		for _, c := range list {
			at, found := slices.BinarySearchFunc(w.line, c.Size, bySize)
			switch {
			case found || w.accused(c):
			case at > 0:
				out = append(out, Question{w.line[at-1], c})
			case len(w.line) > 0:
				out = append(out, Question{w.line[0], c})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Question) int { return slices.Compare(a.Told.Node[:], b.Told.Node[:]) })
	return out
}

func (w *Witness) accused(c Checkpoint) bool {
	return slices.ContainsFunc(w.against, func(k Contradiction) bool {
		return k.Told.Node == c.Node && k.Told.Size == c.Size && k.Told.Root == c.Root
	})
}

func bySize(c Checkpoint, size uint64) int {
	switch {
	case c.Size < size:
		return -1
	case c.Size > size:
		return 1
	}
	return 0
}

// Settle answers a question with the proof that node from gave. A proof that
// does not hold is ErrProof; from the very node that signed Told it is a
// contradiction: it cannot show what it signed.
func (w *Witness) Settle(q Question, proof [][]byte, from identity.NodeID) error {
	older, newer := q.Held, q.Told
	if older.Size > newer.Size {
		older, newer = newer, older
	}
	err := CheckConsistency(older.Size, older.Root, newer.Size, newer.Root, proof)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if from == q.Told.Node {
			defer w.prune()
			return w.accuse(q.Held, q.Told,
				fmt.Sprintf("the log of %d records does not continue the one of %d", newer.Size, older.Size))
		}
		return err
	}
	if at, found := slices.BinarySearchFunc(w.line, q.Told.Size, bySize); !found {
		w.line = slices.Insert(w.line, at, q.Told)
	}
	w.thin()
	w.prune()
	w.stir()
	return nil
}

// thin drops every second of the older half.
func (w *Witness) thin() {
	if len(w.line) <= maxLine {
		return
	}
	kept := w.line[:0:0]
	for i, c := range w.line {
		if i >= maxLine/2 || i%2 == 0 {
			kept = append(kept, c)
		}
	}
	w.line = kept
}

// All are the checkpoints held, compared or not, those of contradictions among
// them.
func (w *Witness) All() []Checkpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.all()
	for _, k := range w.against {
		out = append(out, k.Held, k.Told)
	}
	return out
}

// Line is the compared checkpoints, by size.
func (w *Witness) Line() []Checkpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.line)
}

// Newest is each controller's, as heard, by node.
func (w *Witness) Newest() []Checkpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]Checkpoint, 0, len(w.heard))
	for id := range w.heard {
		c, _ := w.newest(id)
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Checkpoint) int { return slices.Compare(a.Node[:], b.Node[:]) })
	return out
}

// Of is the newest checkpoint of a controller.
func (w *Witness) Of(id identity.NodeID) (Checkpoint, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest(id)
}

// Statements are what others should hear: each controller's newest, and both
// sides of every contradiction.
func (w *Witness) Statements() []*warrenv1.Statement {
	var out []*warrenv1.Statement
	for _, c := range w.Newest() {
		out = append(out, c.Statement)
	}
	for _, k := range w.Contradictions() {
		out = append(out, k.Held.Statement, k.Told.Statement)
	}
	return out
}

// Contradictions are all that were found.
func (w *Witness) Contradictions() []Contradiction {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.against)
}

// Watch is closed at the next change.
func (w *Witness) Watch() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

func (w *Witness) stir() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// Vouch signs a checkpoint of a controller's own log and takes it in. It signs
// nothing (false) where the log is shorter than what the controller vouched
// for before: one that has just started reads its log anew. A log that is
// another one than before is ErrContradiction, and not signed for.
func (w *Witness) Vouch(l Log, key identity.NodeKey, now time.Time) (bool, error) {
	held, ok := w.Of(key.ID())
	if l.Size() == 0 || ok && l.Size() < held.Size {
		return false, nil
	}
	if ok {
		if root, err := l.RootAt(held.Size); err != nil || root != held.Root {
			return false, fmt.Errorf("%w: this controller's own, of %d records", ErrContradiction, held.Size)
		}
		if !now.After(held.Time) {
			now = held.Time.Add(time.Millisecond)
		}
	}
	c, err := SignCheckpoint(l, w.mesh, key, now)
	if err != nil {
		return false, err
	}
	return w.Hear(c.Statement)
}
