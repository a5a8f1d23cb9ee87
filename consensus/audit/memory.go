package audit

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
)

// MaxMemory bounds the bytes of a Witness on disk.
const MaxMemory = 1 << 20

// ErrMemory says that bytes are no Witness's.
var ErrMemory = errors.New("remembered checkpoints not acceptable")

// Marshal gives what Unmarshal reads.
func (w *Witness) Marshal() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &warrenv1.Witnessed{}
	for _, c := range w.line {
		m.Line = append(m.Line, c.Statement)
	}
	for _, list := range w.heard {
		for _, c := range list {
			m.Heard = append(m.Heard, c.Statement)
		}
	}
	for _, k := range w.against {
		m.Against = append(m.Against, &warrenv1.Contradicting{
			Held: k.Held.Statement, Told: k.Told.Statement, Why: k.Why,
		})
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// Unmarshal takes over what Marshal wrote, signatures checked anew, and drops
// what was there. Errors wrap ErrMemory and change nothing.
func (w *Witness) Unmarshal(raw []byte) error {
	if len(raw) > MaxMemory {
		return fmt.Errorf("%w: %d bytes", ErrMemory, len(raw))
	}
	var m warrenv1.Witnessed
	if err := (proto.UnmarshalOptions{RecursionLimit: 8}).Unmarshal(raw, &m); err != nil {
		return errors.Join(ErrMemory, err)
	}
	if len(m.GetLine()) > maxLine || len(m.GetHeard()) > maxVouchers*maxHeard || len(m.GetAgainst()) > maxContradictions {
		return fmt.Errorf("%w: too much of it", ErrMemory)
	}
	next := NewWitness(w.mesh, w.controller)
	for _, s := range m.GetLine() {
		c, err := OpenCheckpoint(s, w.mesh)
		if err != nil {
			return errors.Join(ErrMemory, err)
		}
		next.line = append(next.line, c)
	}
	if !slices.IsSortedFunc(next.line, func(a, b Checkpoint) int { return bySize(a, b.Size) }) {
		return fmt.Errorf("%w: out of order", ErrMemory)
	}
	for _, s := range m.GetHeard() {
		c, err := OpenCheckpoint(s, w.mesh)
		if err != nil {
			return errors.Join(ErrMemory, err)
		}
		list := next.heard[c.Node]
		if len(list) == maxHeard || len(list) > 0 && !c.Time.After(list[len(list)-1].Time) {
			return fmt.Errorf("%w: checkpoints of a controller out of order", ErrMemory)
		}
		next.heard[c.Node] = append(list, c)
	}
	for _, k := range m.GetAgainst() {
		held, err := OpenCheckpoint(k.GetHeld(), w.mesh)
		told, err2 := OpenCheckpoint(k.GetTold(), w.mesh)
		if err := errors.Join(err, err2); err != nil {
			return errors.Join(ErrMemory, err)
		}
		next.against = append(next.against, Contradiction{held, told, Cut(k.GetWhy())})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line, w.heard, w.against = next.line, next.heard, next.against
	w.stir()
	return nil
}
