package store

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"warren/consensus/command"
	"warren/consensus/state"
)

// machine feeds state from Raft's log. Raft calls Apply, StoreConfiguration,
// Snapshot and Restore from one goroutine.
type machine struct {
	state *state.State
	disk  *disk

	// seen is the newest index that state is known to include. Raft tells the
	// machine of commands and configurations; Verify adds its barriers.
	seen atomic.Uint64

	halted chan struct{} // closed with cause set
	once   sync.Once
	cause  error
	// refused is why the last Restore failed; raft swallows it.
	refused error
	// arranged is called when the cluster's members have changed.
	arranged func()
}

func newMachine(d *disk) *machine {
	return &machine{state: state.New(), disk: d, halted: make(chan struct{}), arranged: func() {}}
}

// Apply implements raft.FSM. The answer is a state.Result.
func (m *machine) Apply(entry *raft.Log) any {
	if err := m.err(); err != nil {
		return state.Result{Err: err}
	}
	c, err := command.Decode(entry.Data)
	if errors.Is(err, command.ErrUnknownKind) {
		return state.Result{Err: m.halt(entry.Index, err)}
	}
	if err != nil {
		m.advance(entry.Index)
		return state.Result{Err: fmt.Errorf("%w: %w", state.ErrInvalid, err), Revision: m.state.Revision()}
	}
	result := m.state.Apply(entry.Index, c)
	if c.Kind == command.MeshFounded && result.Err == nil {
		if err := m.claim(); err != nil {
			return state.Result{Err: m.halt(entry.Index, err)}
		}
	}
	m.advance(entry.Index)
	return result
}

// StoreConfiguration implements raft.ConfigurationStore.
func (m *machine) StoreConfiguration(index uint64, _ raft.Configuration) {
	m.advance(index)
	m.arranged()
}

// Snapshot implements raft.FSM. A halted machine gives none, so that the
// command it stopped at stays in the log.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	if err := m.err(); err != nil {
		return nil, err
	}
	return snapshot{m.state.Snapshot()}, nil
}

// Restore implements raft.FSM.
func (m *machine) Restore(source io.ReadCloser) error {
	m.refused = m.restore(source)
	return m.refused
}

func (m *machine) restore(source io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(source, state.MaxSnapshot+1))
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	if err := m.state.Unmarshal(raw); err != nil {
		return err
	}
	return m.claim()
}

// claim binds the folder to the mesh that state speaks of.
func (m *machine) claim() error {
	log := m.state.Log()
	if log == nil {
		return nil
	}
	id := log.Mesh()
	return m.disk.bind(keyMesh, id[:], "mesh "+id.String()[:8])
}

// advance notes that state includes all up to index.
func (m *machine) advance(index uint64) {
	for {
		seen := m.seen.Load()
		if seen >= index || m.seen.CompareAndSwap(seen, index) {
			return
		}
	}
}

func (m *machine) halt(index uint64, err error) error {
	m.once.Do(func() {
		m.cause = fmt.Errorf("%w at log index %d: %w", ErrHalted, index, err)
		close(m.halted)
	})
	return m.cause
}

func (m *machine) err() error {
	select {
	case <-m.halted:
		return m.cause
	default:
		return nil
	}
}

// snapshot writes one view of the state.
type snapshot struct{ view state.View }

// Persist implements raft.FSMSnapshot.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	raw, err := s.view.Marshal()
	if err == nil {
		_, err = sink.Write(raw)
	}
	if err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

// Release implements raft.FSMSnapshot.
func (snapshot) Release() {}
