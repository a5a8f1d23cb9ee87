package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
)

// populate makes a folder with a founded mesh and that many further commands
// in it.
func populate(t *testing.T, m *statetest.Mesh, dir string, more uint64) {
	t.Helper()
	var net storetest.Network
	s := start(t, config(dir, m.Node.ID(), &net))
	ctx := within(t, 10*time.Second)
	if err := s.Bootstrap(ctx, founding(t, m)); err != nil {
		t.Fatal(err)
	}
	for n := range more {
		if _, err := s.Propose(ctx, revocation(t, m, s.State().Log(), n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	var net storetest.Network
	m := statetest.New(t, "acme")
	self := m.Node.ID()
	for name, cfg := range map[string]Config{
		"no folder":    {Self: self, Transport: net.Layer(self)},
		"no self":      {Dir: t.TempDir(), Transport: net.Layer(self)},
		"no transport": {Dir: t.TempDir(), Self: self},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(cfg); err == nil {
				t.Error("opened")
			}
		})
	}

	t.Run("in use", func(t *testing.T) {
		dir := t.TempDir()
		s, err := Open(config(dir, self, &net))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(config(dir, self, &net)); !errors.Is(err, ErrInUse) {
			t.Errorf("error is %v, want %v", err, ErrInUse)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, err = Open(config(dir, self, &net))
		if err != nil {
			t.Fatalf("after Close: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("another node's", func(t *testing.T) {
		dir := t.TempDir()
		populate(t, m, dir, 0)
		if _, err := Open(config(dir, m.Machine(1).ID(), &net)); !errors.Is(err, ErrForeign) {
			t.Errorf("error is %v, want %v", err, ErrForeign)
		}
	})

	t.Run("another mesh's", func(t *testing.T) {
		dir := t.TempDir()
		populate(t, m, dir, 0)
		cfg := config(dir, self, &net)
		cfg.Mesh = statetest.New(t, "other").Log().Mesh()
		_, err := Open(cfg)
		if !errors.Is(err, ErrForeign) {
			t.Errorf("error is %v, want %v", err, ErrForeign)
		} else if !strings.Contains(err.Error(), dir) {
			t.Errorf("error %q does not name the folder", err)
		}
		cfg.Mesh = m.Log().Mesh()
		s, err := Open(cfg)
		if err != nil {
			t.Fatalf("its own mesh: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("a file where the folder should be", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(config(file, self, &net)); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("error is %v", err)
		}
	})

	t.Run("meta store is noise", func(t *testing.T) {
		dir := t.TempDir()
		populate(t, m, dir, 0)
		meta := filepath.Join(dir, "wal", metaName)
		if err := os.WriteFile(meta, make([]byte, 16<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(config(dir, self, &net)); err == nil || !strings.Contains(err.Error(), meta) {
			t.Errorf("error is %v", err)
		}
	})
}

// A folder whose log begins after its snapshot ends says so, and does not
// crash the process.
func TestSnapshotMissing(t *testing.T) {
	m := statetest.New(t, "acme")
	dir := t.TempDir()
	cfg := eventful(dir, m)
	s := start(t, cfg)
	ctx := within(t, 20*time.Second)
	if err := s.Bootstrap(ctx, founding(t, m)); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(100) {
		if _, err := s.Propose(ctx, revocation(t, m, s.State().Log(), n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.raft.Snapshot().Error(); err != nil && !errors.Is(err, raft.ErrNothingNewToSnapshot) {
		t.Fatal(err)
	}
	if first, err := s.disk.FirstIndex(); err != nil || first < 10 {
		t.Fatalf("log begins at %d (%v): nothing was compacted", first, err)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "snapshots")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(eventful(dir, m)); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error is %v", err)
	}
}

// proposeOne proposes something that succeeds.
func (r *running) proposeOne(ctx context.Context, m *statetest.Mesh) error {
	_, err := r.Propose(ctx, revocation(m.TB, m, m.Log(), 1<<40))
	return err
}

// A damaged snapshot is left out where the log still holds what it held.
func TestSnapshotDamaged(t *testing.T) {
	m := statetest.New(t, "acme")
	dir := t.TempDir()
	populate(t, m, dir, 5)
	cfg := config(dir, m.Node.ID(), &storetest.Network{})
	s := start(t, cfg)
	if err := s.Verify(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := s.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "snapshots", "*", "state.bin"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, config(dir, m.Node.ID(), &storetest.Network{}))
	if err := s.Verify(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if log := s.State().Log(); !revoked(log, 4) {
		t.Error("it started without what the snapshot held")
	}
}

// What a crash left of an unfinished snapshot goes with the next start.
func TestUnfinishedSnapshotGoes(t *testing.T) {
	m := statetest.New(t, "acme")
	dir := t.TempDir()
	populate(t, m, dir, 1)
	left := filepath.Join(dir, "snapshots", "1-2-3.tmp")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "state.bin"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, config(dir, m.Node.ID(), &storetest.Network{}))
	if err := s.Verify(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there still: %v", err)
	}
}

// inject puts bytes into the log as a newer leader would.
func inject(t *testing.T, s *running, env *warrenv1.Command) {
	t.Helper()
	raw, err := proto.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.raft.Apply(raw, time.Second).Error(); err != nil {
		t.Fatal(err)
	}
}

func TestUnknownKindHalts(t *testing.T) {
	m := statetest.New(t, "acme")
	dir := t.TempDir()
	populate(t, m, dir, 2)
	s := start(t, config(dir, m.Node.ID(), &storetest.Network{}))
	ctx := within(t, 10*time.Second)
	if err := s.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	before := s.State().Revision()
	inject(t, s, &warrenv1.Command{Kind: 99, Version: 1, Time: 1})
	for range 2 { // now, and after a restart
		select {
		case err := <-s.done:
			if !errors.Is(err, ErrHalted) || !errors.Is(err, command.ErrUnknownKind) {
				t.Fatalf("Run ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("Run goes on over a command it does not know")
		}
		if got := s.State().Revision(); got != before {
			t.Errorf("state is at %d, was at %d", got, before)
		}
		if err := s.proposeOne(ctx, m); !errors.Is(err, ErrHalted) {
			t.Errorf("propose: %v", err)
		}
		if err := s.Verify(ctx); !errors.Is(err, ErrHalted) {
			t.Errorf("verify: %v", err)
		}
		s = start(t, config(dir, m.Node.ID(), &storetest.Network{}))
	}
	if err := <-s.done; !errors.Is(err, ErrHalted) {
		t.Errorf("Run ended with %v", err)
	}
}

// A halted machine makes no snapshot: it would hide the command from a newer
// program.
func TestHaltedMakesNoSnapshot(t *testing.T) {
	d := open(t, t.TempDir())
	defer d.Close()
	m := newMachine(d)
	mesh := statetest.New(t, "acme")
	raw, err := founding(t, mesh).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := m.Apply(&raft.Log{Index: 1, Data: raw}).(state.Result); !ok || r.Err != nil {
		t.Fatal(r.Err)
	}
	if _, err := m.Snapshot(); err != nil {
		t.Fatal(err)
	}
	unknown, err := proto.Marshal(&warrenv1.Command{Kind: 99, Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	m.Apply(&raft.Log{Index: 2, Data: unknown})
	if _, err := m.Snapshot(); !errors.Is(err, ErrHalted) {
		t.Errorf("snapshot: %v", err)
	}
	next, err := revocation(t, mesh, m.state.Log(), 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := m.Apply(&raft.Log{Index: 3, Data: next}).(state.Result); !ok || !errors.Is(r.Err, ErrHalted) {
		t.Errorf("applied past the halt: %+v", r)
	}
	if m.state.Revision() != 1 {
		t.Errorf("state is at %d", m.state.Revision())
	}
}

// Bytes that are no command are refused alike everywhere and halt nobody.
func TestMalformedIsRefused(t *testing.T) {
	m := statetest.New(t, "acme")
	dir := t.TempDir()
	populate(t, m, dir, 0)
	s := start(t, config(dir, m.Node.ID(), &storetest.Network{}))
	ctx := within(t, 10*time.Second)
	if err := s.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	future := s.raft.Apply([]byte("\xff\xff\xff"), time.Second)
	if err := future.Error(); err != nil {
		t.Fatal(err)
	}
	if r, ok := future.Response().(state.Result); !ok || !errors.Is(r.Err, state.ErrInvalid) {
		t.Errorf("answer is %+v", future.Response())
	}
	if err := s.proposeOne(ctx, m); err != nil {
		t.Errorf("after it: %v", err)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
}

func TestMeshOfTheLogCounts(t *testing.T) {
	m := statetest.New(t, "acme")
	dir := t.TempDir()
	var net storetest.Network
	cfg := config(dir, m.Node.ID(), &net)
	cfg.Mesh = statetest.New(t, "other").Log().Mesh()
	s := start(t, cfg)
	err := s.Bootstrap(within(t, 5*time.Second), founding(t, m))
	if !errors.Is(err, ErrForeign) || !errors.Is(err, ErrHalted) {
		t.Errorf("founded in a folder of another mesh: %v", err)
	}
	if err := <-s.done; !errors.Is(err, ErrForeign) {
		t.Errorf("Run ended with %v", err)
	}
}
