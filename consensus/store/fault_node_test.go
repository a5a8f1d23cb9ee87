package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/rpc"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/mesh/identity"
	"warren/scripts/soak/faulttest"
)

// faultNode carries what the child process of the fault tests is to be.
const faultNode = "WARREN_STORE_FAULT_NODE"

// nodeConfig is one controller of a cluster of processes. Raft and RPC are
// addresses of all, in their order.
type nodeConfig struct {
	Dir       string
	Index     int
	Raft, RPC []string
}

// TestFaultNode is such a controller: the store with its files and TCP, until
// it is killed or its standard input ends.
func TestFaultNode(t *testing.T) {
	text := os.Getenv(faultNode)
	if text == "" {
		t.Skip("is the child of the fault tests")
	}
	var cfg nodeConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		t.Fatal(err)
	}
	m := statetest.New(t, "acme")
	ids := memberIDs(m, len(cfg.Raft))
	listener, err := net.Listen("tcp", cfg.Raft[cfg.Index])
	if err != nil {
		t.Fatal(err)
	}
	kv := &registers{}
	every, due := uint64(2000), time.Second // so that a short test has some
	if os.Getenv(faulttest.Soak) != "" {
		every, due = 0, 0
	}
	s, err := Open(Config{
		Dir: cfg.Dir, Self: ids[cfg.Index], Transport: &tcpLayer{Listener: listener, self: ids[cfg.Index], ids: ids, addresses: cfg.Raft},
		SnapshotEvery: every, due: due, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		fsm: func(m *machine) raft.FSM { kv.machine = m; return kv },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	server := rpc.NewServer()
	if err := server.Register(&Node{store: s, kv: kv, mesh: m, ids: ids, rpc: cfg.RPC}); err != nil {
		t.Fatal(err)
	}
	door, err := net.Listen("tcp", cfg.RPC[cfg.Index])
	if err != nil {
		t.Fatal(err)
	}
	go server.Accept(door)
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// memberIDs are the controllers of a cluster: the founder first.
func memberIDs(m *statetest.Mesh, n int) []identity.NodeID {
	ids := []identity.NodeID{m.Node.ID()}
	for i := 1; i < n; i++ {
		ids = append(ids, m.Machine(i).ID())
	}
	return ids
}

// tcpLayer is a StreamLayer over TCP on loopback.
type tcpLayer struct {
	net.Listener
	self      identity.NodeID
	ids       []identity.NodeID
	addresses []string
}

func (l *tcpLayer) Addr() net.Addr { return addr(l.self.String()) }

func (l *tcpLayer) Dial(to Address, timeout time.Duration) (net.Conn, error) {
	for i, id := range l.ids {
		if string(to) == id.String() {
			return net.DialTimeout("tcp", l.addresses[i], timeout)
		}
	}
	return nil, fmt.Errorf("no controller %s", to)
}

// registers are cells of text on top of the machine. What is ordered for them
// travels as a rejection of type "register" that state never sees; all the
// rest is the store's own: order, disk, snapshots, reads.
type registers struct {
	*machine
	mu    sync.Mutex
	cells map[string]string
}

const registerType = "register"

// cellOp is what a command does to a cell: sets it to New, where Swap says so
// only if it holds Old.
type cellOp struct {
	Key, Old, New string
	Swap          bool
}

func (op cellOp) command() (command.Command, error) {
	raw, err := json.Marshal(op)
	if err != nil {
		return command.Command{}, err
	}
	return command.New(&warrenv1.ClaimRejected{Rejection: &warrenv1.Statement{Type: registerType, Payload: raw}})
}

// errSwapped says what a swap found in place of what it expected.
type errSwapped struct{ found string }

func (e errSwapped) Error() string { return "holds " + e.found }

// Apply implements raft.FSM.
func (r *registers) Apply(entry *raft.Log) any {
	c, err := command.Decode(entry.Data)
	body, ok := c.Body.(*warrenv1.ClaimRejected)
	if err != nil || !ok || body.GetRejection().GetType() != registerType {
		return r.machine.Apply(entry)
	}
	var op cellOp
	if err := json.Unmarshal(body.GetRejection().GetPayload(), &op); err != nil {
		panic(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.advance(entry.Index)
	if found := r.cells[op.Key]; op.Swap && found != op.Old {
		return state.Result{Err: errSwapped{found}, Revision: entry.Index}
	}
	if r.cells == nil {
		r.cells = map[string]string{}
	}
	r.cells[op.Key] = op.New
	return state.Result{Revision: entry.Index}
}

func (r *registers) get(key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cells[key]
}

type registersImage struct {
	Cells map[string]string
	State []byte
}

// Snapshot implements raft.FSM.
func (r *registers) Snapshot() (raft.FSMSnapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	raw, err := r.state.Marshal()
	return registersImage{maps.Clone(r.cells), raw}, err
}

// Persist implements raft.FSMSnapshot.
func (i registersImage) Persist(sink raft.SnapshotSink) error {
	if err := gob.NewEncoder(sink).Encode(i); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

// Release implements raft.FSMSnapshot.
func (registersImage) Release() {}

// Restore implements raft.FSM.
func (r *registers) Restore(source io.ReadCloser) error {
	defer source.Close()
	var i registersImage
	if err := gob.NewDecoder(source).Decode(&i); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cells = i.Cells
	return r.machine.Restore(io.NopCloser(bytes.NewReader(i.State)))
}

// Node answers the clients of the fault tests.
type Node struct {
	store *Store
	kv    *registers
	mesh  *statetest.Mesh
	ids   []identity.NodeID
	rpc   []string
}

// The outcomes of an Ask.
const (
	done     = "done"
	swapped  = "swapped" // the cell held something else: Value
	notBegun = "not begun"
	unknown  = "unknown"
)

// Ask is a client's question: a cell operation, a raw command, or a read.
type Ask struct {
	Write   *cellOp
	Command []byte
	Read    string
	// Stale reads what this controller happens to hold.
	Stale bool
}

// Answer is what came of it.
type Answer struct {
	Outcome, Value string
	// Leader is the index of the controller to ask, or -1.
	Leader int
}

// Do answers an Ask.
func (n *Node) Do(ask Ask, out *Answer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var err error
	switch {
	case ask.Write != nil:
		var c command.Command
		if c, err = ask.Write.command(); err == nil {
			_, err = n.store.Propose(ctx, c)
		}
	case ask.Command != nil:
		var c command.Command
		if c, err = command.Decode(ask.Command); err == nil {
			_, err = n.store.Propose(ctx, c)
		}
	case !ask.Stale:
		err = n.store.Verify(ctx)
	}
	*out = Answer{Leader: n.leader()}
	var held errSwapped
	switch {
	case err == nil:
		out.Outcome = done
		if ask.Read != "" {
			out.Value = n.kv.get(ask.Read)
		}
	case errors.As(err, &held):
		out.Outcome, out.Value = swapped, held.found
	case errors.Is(err, ErrUnknownOutcome):
		out.Outcome = unknown
	case errors.Is(err, ErrNotLeader), errors.Is(err, ErrNoLeader), errors.Is(err, ErrStopped):
		out.Outcome = notBegun
	default:
		return err
	}
	return nil
}

func (n *Node) leader() int {
	leader, ok := n.store.Leader()
	for i, id := range n.ids {
		if ok && id == leader {
			return i
		}
	}
	return -1
}

// Found makes the first controller's mesh and lets the others in.
func (n *Node) Found(_ bool, _ *bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	founding, err := command.New(n.mesh.Founding())
	if err != nil {
		return err
	}
	if err := n.store.Bootstrap(ctx, founding); err != nil {
		return err
	}
	applied := func(_ context.Context, id identity.NodeID) (uint64, error) {
		c, err := rpc.Dial("tcp", n.rpc[slices.Index(n.ids, id)])
		if err != nil {
			return 0, err
		}
		defer c.Close()
		var s Status
		err = c.Call("Node.Status", true, &s)
		return s.Applied, err
	}
	for _, id := range n.ids[1:] {
		if err := n.store.AddReplica(ctx, id); err != nil {
			return err
		}
		if err := n.store.Promote(ctx, id, applied); err != nil {
			return err
		}
	}
	return nil
}

// Status is how far a controller is.
type Status struct {
	Applied uint64
	Leader  int
}

// Status tells how far this controller is.
func (n *Node) Status(_ bool, out *Status) error {
	*out = Status{Applied: n.store.Applied(), Leader: n.leader()}
	return nil
}

// Hash is over state and cells. Nothing is applied meanwhile.
func (n *Node) Hash(_ bool, out *string) error {
	n.kv.mu.Lock()
	defer n.kv.mu.Unlock()
	raw, err := n.store.State().Marshal()
	if err != nil {
		return err
	}
	cells, err := json.Marshal(n.kv.cells)
	if err != nil {
		return err
	}
	*out = fmt.Sprintf("%x", sha256.Sum256(append(raw, cells...)))
	return nil
}

// Missing counts the machines of these numbers that are not revoked here.
func (n *Node) Missing(numbers []uint64, out *int) error {
	log := n.store.State().Log()
	for _, number := range numbers {
		if !revoked(log, number) {
			*out++
		}
	}
	return nil
}
