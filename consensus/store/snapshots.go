package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
)

// sumName is the file with the checksum of a snapshot's description.
const sumName = "meta.sum"

// snapshots are raft's, without those that are damaged. raft checks a
// snapshot's state; the description beside it, with index, term and voters, it
// takes as it is.
type snapshots struct {
	*raft.FileSnapshotStore
	dir string
	log *slog.Logger
}

func openSnapshots(dir string, log *slog.Logger) (*snapshots, error) {
	under, err := raft.NewFileSnapshotStoreWithLogger(dir, keepSnapshot, hclogTo(log))
	if err != nil {
		return nil, fmt.Errorf("open snapshots in %s: %w", dir, err)
	}
	s := &snapshots{under, filepath.Join(dir, "snapshots"), log}
	return s, s.clear()
}

// clear removes what a crash left of unfinished snapshots: raft keeps each, and
// one may be as large as the state.
func (s *snapshots) clear() error {
	left, err := filepath.Glob(filepath.Join(s.dir, "*.tmp"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("remove unfinished snapshots in %s: %w", s.dir, err)
	}
	return nil
}

// List implements raft.SnapshotStore.
func (s *snapshots) List() ([]*raft.SnapshotMeta, error) {
	all, err := s.FileSnapshotStore.List()
	if err != nil {
		return nil, err
	}
	var whole []*raft.SnapshotMeta
	for _, meta := range all {
		if err := s.check(meta.ID); err != nil {
			s.log.Error("snapshot is left out", "snapshot", meta.ID, "err", err)
			continue
		}
		whole = append(whole, meta)
	}
	return whole, nil
}

func (s *snapshots) check(id string) error {
	sum, err := os.ReadFile(filepath.Join(s.dir, id, sumName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it is %w or was not finished", ErrDamaged)
	}
	if err != nil {
		return err
	}
	have, err := s.sum(id)
	if err != nil {
		return err
	}
	if have != string(sum) {
		return fmt.Errorf("its description is %w", ErrDamaged)
	}
	_, state, err := s.Open(id)
	if err != nil {
		return fmt.Errorf("its state is %w: %w", ErrDamaged, err)
	}
	return state.Close()
}

func (s *snapshots) sum(id string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(s.dir, id, "meta.json"))
	return fmt.Sprintf("%x\n", sha256.Sum256(raw)), err
}

// covered is the index up to which the newest whole snapshot goes; 0 without
// one.
func (s *snapshots) covered() (uint64, error) {
	list, err := s.List()
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0].Index, nil
}

// Create implements raft.SnapshotStore.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, trans raft.Transport,
) (raft.SnapshotSink, error) {
	under, err := s.FileSnapshotStore.Create(version, index, term, configuration, configurationIndex, trans)
	if err != nil {
		return nil, err
	}
	return &summedSink{under, s}, nil
}

// summedSink adds the checksum when the snapshot is done. Only then does raft
// shorten its log: one without it is no loss.
type summedSink struct {
	raft.SnapshotSink
	store *snapshots
}

// Close implements raft.SnapshotSink.
func (s *summedSink) Close() error {
	if err := s.SnapshotSink.Close(); err != nil {
		return err
	}
	sum, err := s.store.sum(s.ID())
	if err != nil {
		return fmt.Errorf("sum up snapshot: %w", err)
	}
	if err := replaceFile(filepath.Join(s.store.dir, s.ID(), sumName), []byte(sum)); err != nil {
		return fmt.Errorf("sum up snapshot: %w", err)
	}
	return nil
}
