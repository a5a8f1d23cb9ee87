package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"golang.org/x/sync/errgroup"

	"warren/consensus/state"
	"warren/mesh/identity"
)

// Raft's clockwork. A leader's death is noticed after one to two heartbeats,
// and voters half the world apart, 250 ms, still answer within one. A lone
// voter waits for none of it.
const (
	heartbeat    = 500 * time.Millisecond
	lease        = heartbeat // the longest Raft takes: a busy leader keeps its office
	rpcTimeout   = 5 * time.Second
	drainTimeout = 2 * time.Second
	handTimeout  = time.Second
	snapshotsDue = 10 * time.Second // checked at one to two times this
	keepSnapshot = 2
	trailing     = 4 // snapshots that a controller may be behind before it needs a whole one
)

// DefaultSnapshotEvery is how many commands lie in the log before a snapshot
// replaces them.
const DefaultSnapshotEvery = 4096

// Config is what a Store needs.
type Config struct {
	// Dir is the folder of log and snapshots. It is made with mode 0700.
	Dir string
	// Self is this controller.
	Self identity.NodeID
	// Mesh is the mesh the folder must belong to; zero accepts any, and is
	// what a folder before founding needs.
	Mesh identity.MeshID
	// Transport reaches the other controllers. Run closes it.
	Transport StreamLayer
	// Log gets one scope, part=store. Nil discards.
	Log *slog.Logger
	// SnapshotEvery is a number of commands; 0 is DefaultSnapshotEvery.
	SnapshotEvery uint64
	// Now stamps commands; nil is time.Now.
	Now func() time.Time

	segment int           // bytes a log file; 0 is segmentSize
	due     time.Duration // 0 is snapshotsDue
	slow    time.Duration // that a disk takes longer to write term and vote
	// fsm puts more on top of the machine; nil adds nothing.
	fsm func(*machine) raft.FSM
}

// Store is one controller's copy of what all agree on. Its methods may be
// called from any goroutine; those that need Raft wait for Run.
type Store struct {
	cfg     Config
	log     *slog.Logger
	disk    *disk
	snaps   *snapshots
	machine *machine
	closing func() error

	ran     atomic.Bool
	ready   chan struct{} // closed when raft is set
	stopped chan struct{} // closed when Run begins to end
	down    chan struct{} // closed when Raft has ended
	raft    *raft.Raft
	trans   *raft.NetworkTransport
	settled atomic.Uint64 // the term whose first barrier has passed

	mu       sync.Mutex
	ending   bool
	inflight sync.WaitGroup // Add only under mu with !ending
	changed  chan struct{}  // closed at the next change of leader or voters
}

// Open takes hold of the folder and checks that it is whole and this node's.
// Errors wrap ErrInUse and ErrForeign, or say what is wrong with the folder.
// What Open returns must be run, or closed.
func Open(cfg Config) (*Store, error) {
	if cfg.Dir == "" || cfg.Self.IsZero() || cfg.Transport == nil {
		return nil, errors.New("store: dir, self and transport are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.SnapshotEvery == 0 {
		cfg.SnapshotEvery = DefaultSnapshotEvery
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.segment == 0 {
		cfg.segment = segmentSize
	}
	if cfg.due == 0 {
		cfg.due = snapshotsDue
	}
	log := cfg.Log.With("part", "store")
	d, err := openDisk(cfg.Dir, cfg.segment, hclogTo(log))
	if err != nil {
		return nil, err
	}
	d.meta.slow = cfg.slow
	s := &Store{
		cfg: cfg, log: log, disk: d, machine: newMachine(d), closing: sync.OnceValue(d.Close),
		ready: make(chan struct{}), stopped: make(chan struct{}),
		down: make(chan struct{}), changed: make(chan struct{}),
	}
	s.machine.arranged = s.stir
	if err := d.own(cfg.Self, cfg.Mesh); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", cfg.Dir, err), s.Close())
	}
	if s.snaps, err = openSnapshots(cfg.Dir, log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	covered, err := s.snaps.covered()
	if err == nil {
		err = d.whole(covered)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close lets go of the folder of a Store that never ran. After Run it does
// nothing.
func (s *Store) Close() error { return s.closing() }

// Run takes part in the cluster until ctx ends, which is nil, or until the
// log holds what this version cannot apply, which wraps ErrHalted. It ends
// what it began, in this order: proposals, Raft, connections, files.
func (s *Store) Run(ctx context.Context) error {
	if !s.ran.CompareAndSwap(false, true) {
		return errors.New("store: Run called twice")
	}
	defer s.stop()
	g, ctx := errgroup.WithContext(ctx)
	hlog := hclogTo(s.log)
	streams := newLayer(s.cfg.Transport, s.cfg.Self)
	g.Go(func() error { streams.run(); return nil })
	s.trans = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: streams, MaxPool: 3, Timeout: rpcTimeout, Logger: hlog,
		// One: Raft's pipeline stands still for good, and with it Shutdown, where
		// a follower refuses an entry while another is under way.
		MaxRPCsInFlight: 1,
	})
	r, err := s.newRaft(hlog)
	if err != nil {
		return errors.Join(err, s.trans.Close(), g.Wait(), s.Close())
	}
	s.raft = r
	seen, deaf := observe(r)
	g.Go(func() error { s.wake(seen); return nil })
	g.Go(func() error { s.patience(); return nil })
	close(s.ready)
	s.electAlone()

	var cause error
	select {
	case <-ctx.Done():
	case <-s.machine.halted:
		cause = s.machine.err()
	}
	s.leave()
	s.stop()
	deaf()
	s.drain()
	down := r.Shutdown()
	cause = errors.Join(cause, s.trans.Close(), down.Error())
	close(s.down)
	s.trans.CloseStreams()
	return errors.Join(cause, g.Wait(), s.Close())
}

// newRaft starts Raft. Raft panics where its log has a hole, which is an error
// of the folder and no reason to crash.
func (s *Store) newRaft(log hclog.Logger) (r *raft.Raft, err error) {
	conf := s.conf(log)
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("log and snapshots in %s do not fit together: %v", s.cfg.Dir, p)
		}
	}()
	var fsm raft.FSM = s.machine
	if s.cfg.fsm != nil {
		fsm = s.cfg.fsm(s.machine)
	}
	r, err = raft.NewRaft(conf, fsm, s.disk, s.disk, s.snaps, s.trans)
	if err != nil {
		return nil, fmt.Errorf("start raft in %s: %w", s.cfg.Dir, errors.Join(err, s.machine.refused))
	}
	return r, nil
}

func (s *Store) conf(log hclog.Logger) *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(s.cfg.Self.String())
	conf.HeartbeatTimeout, conf.ElectionTimeout, conf.LeaderLeaseTimeout = heartbeat, heartbeat, lease
	conf.SnapshotThreshold, conf.TrailingLogs = s.cfg.SnapshotEvery, trailing*s.cfg.SnapshotEvery
	conf.SnapshotInterval = s.cfg.due
	conf.Logger = log
	conf.NoLegacyTelemetry = true
	conf.ShutdownOnRemove = false // it may be let in again; node decides what goes on
	return conf
}

// electAlone makes the only voter lead now: nobody else could send the
// heartbeat that it would otherwise wait for.
func (s *Store) electAlone() {
	if !s.votes(s.cfg.Self) || s.ballot() != 1 || s.raft.State() != raft.Follower {
		return
	}
	self := s.cfg.Self.String()
	order := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(self), Addr: []byte(self),
	}}
	var done raft.TimeoutNowResponse
	if err := s.trans.TimeoutNow(raft.ServerID(self), raft.ServerAddress(self), order, &done); err != nil {
		s.log.Warn("immediate election failed", "error", err)
	}
}

// leave hands the leader's office over before it ends, so that the others need
// not wait for a heartbeat that does not come.
func (s *Store) leave() {
	if s.ballot() < 2 || s.machine.err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handTimeout)
	defer cancel()
	if err := s.HandOver(ctx); err != nil {
		s.log.Info("nobody took the leader's office", "err", err)
	}
}

// stop refuses new proposals and wakes those that wait.
func (s *Store) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ending {
		s.ending = true
		close(s.stopped)
	}
}

// drain lets proposals that Raft holds end first: Raft drops those that it has
// not applied when it shuts down, without an answer.
func (s *Store) drain() {
	done := make(chan struct{})
	go func() { // ends with the last proposal
		s.inflight.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(drainTimeout):
	}
}

// observe asks Raft to tell of changes of leader.
func observe(r *raft.Raft) (<-chan raft.Observation, func()) {
	seen := make(chan raft.Observation, 16)
	observer := raft.NewObserver(seen, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.RaftState:
			return true
		default:
			return false
		}
	})
	r.RegisterObserver(observer)
	return seen, func() { r.DeregisterObserver(observer) }
}

// wake turns Raft's observations into a closed channel.
func (s *Store) wake(seen <-chan raft.Observation) {
	for {
		select {
		case <-s.stopped:
			return
		case <-seen:
			s.stir()
		}
	}
}

// stir wakes who waits for a change of leader or voters.
func (s *Store) stir() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// State is this controller's copy, as far as it has come.
func (s *Store) State() *state.State { return s.machine.state }
