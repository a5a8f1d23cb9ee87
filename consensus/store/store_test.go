package store

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
	"warren/mesh/identity"
)

type running struct {
	*Store
	cancel context.CancelFunc
	done   chan error
}

// stop ends Run and gives its error.
func (r *running) stop(t testing.TB) error {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("Run does not end")
		return nil
	}
}

func start(t testing.TB, cfg Config) *running {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, s)
}

func run(t testing.TB, s *Store) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Store: s, cancel: cancel, done: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.done <- s.Run(ctx)
	}()
	t.Cleanup(func() { // before its folder goes
		cancel()
		<-ended
	})
	return r
}

func config(dir string, self identity.NodeID, net *storetest.Network) Config {
	return Config{Dir: dir, Self: self, Transport: net.Layer(self)}
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func founding(t testing.TB, m *statetest.Mesh) command.Command {
	t.Helper()
	return m.Command(m.Founding(), 0)
}

func TestFoundAndRestart(t *testing.T) {
	m := statetest.New(t, "acme")
	var net storetest.Network
	dir := t.TempDir()
	began := time.Now()
	s := start(t, config(dir, m.Node.ID(), &net))
	if err := s.Bootstrap(within(t, 5*time.Second), founding(t, m)); err != nil {
		t.Fatal(err)
	}
	t.Logf("founded after %s", time.Since(began))
	if got := s.State().Log().Name(); got != "acme" {
		t.Errorf("mesh is %q", got)
	}
	if err := s.Bootstrap(within(t, 5*time.Second), founding(t, m)); err != nil {
		t.Errorf("founding the same again: %v", err)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	s = start(t, config(dir, m.Node.ID(), &net))
	if err := s.Verify(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	t.Logf("leads and has its state after %s", took)
	if took >= heartbeat {
		t.Error("a lone voter waited for a heartbeat")
	}
	if got := s.State().Log().Name(); got != "acme" {
		t.Errorf("mesh is %q after a restart", got)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
}

// A crash between the two steps of Bootstrap leaves a cluster without a mesh;
// founding goes on there, whatever genesis it is by then.
func TestBootstrapGoesOn(t *testing.T) {
	m, other := statetest.New(t, "acme"), statetest.New(t, "other")
	var net storetest.Network
	dir := t.TempDir()
	s := start(t, config(dir, m.Node.ID(), &net))
	ctx := within(t, 10*time.Second)
	if err := s.await(ctx); err != nil {
		t.Fatal(err)
	}
	self := m.Node.ID().String()
	err := s.raft.BootstrapCluster(raft.Configuration{Servers: []raft.Server{
		{Suffrage: raft.Voter, ID: raft.ServerID(self), Address: raft.ServerAddress(self)},
	}}).Error()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	s = start(t, config(dir, m.Node.ID(), &net))
	if err := s.Bootstrap(ctx, founding(t, m)); err != nil {
		t.Fatal(err)
	}
	if err := s.Bootstrap(ctx, m.Command(other.Founding(), 0)); !errors.Is(err, state.ErrFounded) {
		t.Errorf("another mesh in the same place: %v", err)
	}
	if err := s.Bootstrap(ctx, m.Command(m.Replace(m.Log(), "{}"), 0)); !errors.Is(err, state.ErrInvalid) {
		t.Errorf("bootstrap with a policy: %v", err)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
}

// Whoever waits while Run ends gets an answer, even without a deadline.
func TestStopUnderLoad(t *testing.T) {
	m := statetest.New(t, "acme")
	s := start(t, config(t.TempDir(), m.Node.ID(), &storetest.Network{}))
	if err := s.Bootstrap(within(t, 5*time.Second), founding(t, m)); err != nil {
		t.Fatal(err)
	}
	var next, acknowledged atomic.Uint64
	var callers sync.WaitGroup
	forEver := context.Background()
	for range 8 {
		callers.Go(func() {
			for {
				_, err := s.Propose(forEver, revocation(t, m, m.Log(), next.Add(1)))
				if errors.Is(err, ErrStopped) {
					return
				} else if err != nil && !errors.Is(err, ErrUnknownOutcome) {
					t.Error(err)
					return
				}
				acknowledged.Add(1)
			}
		})
		callers.Go(func() {
			for {
				if err := s.Verify(forEver); errors.Is(err, ErrStopped) {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for acknowledged.Load() < 50 {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped after %s", time.Since(began))
	ended := make(chan struct{})
	go func() { callers.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("somebody waits for ever")
	}
}

// The leader's clock is what a command carries, whatever its author put there.
func TestLeaderStampsTime(t *testing.T) {
	m := statetest.New(t, "acme")
	var net storetest.Network
	cfg := config(t.TempDir(), m.Node.ID(), &net)
	cfg.Now = func() time.Time { return statetest.Epoch.Add(2 * time.Hour) }
	s := start(t, cfg)
	ctx := within(t, 10*time.Second)
	if err := s.Bootstrap(ctx, founding(t, m)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Propose(ctx, m.Command(m.Invite(m.Log(), 1), 0)); !errors.Is(err, state.ErrExpired) {
		t.Errorf("an invite that expired by the leader's clock: %v", err)
	}
}

func TestRunLeavesNothingBehind(t *testing.T) {
	m := statetest.New(t, "acme")
	dir := t.TempDir()
	populate(t, m, dir, 3)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		var left []string
		for _, g := range strings.Split(string(stacks), "\n\n") {
			ours := strings.Contains(g, "hashicorp/raft") || strings.Contains(g, "consensus/store.(")
			if ours && !strings.Contains(g, "testing.tRunner") {
				left = append(left, g)
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
	}
}

// Raft's words arrive one level lower, with constant messages.
func TestRaftIsQuiet(t *testing.T) {
	var out strings.Builder
	log := hclogTo(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})))
	log.Named("raft").With("peer", "x").Info("entering leader state", "term", 3)
	if out.Len() != 0 {
		t.Errorf("information came through: %s", out.String())
	}
	log.Named("raft").With("peer", "x").Error("log write went wrong", "index", 7)
	for _, want := range []string{`level=WARN msg="raft reported"`, `event="log write went wrong"`, `detail="peer=x index=7"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, out.String())
		}
	}
}
