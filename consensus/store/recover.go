package store

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/raft"

	"warren/consensus/state"
	"warren/mesh/identity"
)

// ErrNothing says that a folder holds no cluster to recover.
var ErrNothing = errors.New("the folder holds no log")

// ErrFilled says that a folder holds a cluster already.
var ErrFilled = errors.New("the folder holds a log already")

// Recover makes this controller the only voter of the cluster whose log its
// folder holds, with everything in it, also what was not committed yet. It is
// for a majority that is lost for good: whoever else has a copy of the log must
// not take part again, or there are two clusters. The folder must not be in
// use. It gives the state that the log comes to.
func Recover(cfg Config) (*state.State, error) {
	s, done, err := offline(cfg)
	if err != nil {
		return nil, err
	}
	defer done()
	if held, err := raft.HasExistingState(s.disk, s.disk, s.snaps); err != nil || !held {
		return nil, errors.Join(err, fmt.Errorf("%s: %w", cfg.Dir, ErrNothing))
	}
	err = raft.RecoverCluster(s.conf(hclogTo(s.log)), s.machine, s.disk, s.disk, s.snaps, translator(cfg.Self), alone(cfg.Self))
	if err := errors.Join(err, s.machine.err(), s.machine.refused); err != nil {
		return nil, fmt.Errorf("recover the log in %s: %w", cfg.Dir, err)
	}
	return s.State(), nil
}

// Seed puts a snapshot into an empty folder, with this controller as the only
// voter. The snapshot is verified as a whole before anything is written.
func Seed(cfg Config, snapshot []byte) error {
	checked := state.New()
	if err := checked.Unmarshal(snapshot); err != nil {
		return err
	}
	if log := checked.Log(); log == nil || log.Mesh() != cfg.Mesh {
		return fmt.Errorf("seed %s: %w", cfg.Dir, ErrForeign)
	}
	s, done, err := offline(cfg)
	if err != nil {
		return err
	}
	defer done()
	if held, err := raft.HasExistingState(s.disk, s.disk, s.snaps); err != nil || held {
		return errors.Join(err, fmt.Errorf("%s: %w", cfg.Dir, ErrFilled))
	}
	const term = 1
	// Later elections count from here.
	if err := s.disk.SetUint64([]byte("CurrentTerm"), term); err != nil {
		return fmt.Errorf("seed %s: %w", cfg.Dir, err)
	}
	sink, err := s.snaps.Create(raft.SnapshotVersionMax, max(checked.Revision(), 1), term, alone(cfg.Self), 1, translator(cfg.Self))
	if err != nil {
		return fmt.Errorf("seed %s: %w", cfg.Dir, err)
	}
	if _, err := sink.Write(snapshot); err != nil {
		return errors.Join(fmt.Errorf("seed %s: %w", cfg.Dir, err), sink.Cancel())
	}
	return sink.Close()
}

// offline takes hold of a folder that no cluster shall hear of.
func offline(cfg Config) (*Store, func(), error) {
	cfg.Transport = nowhere{}
	s, err := Open(cfg)
	if err != nil {
		return nil, nil, err
	}
	return s, func() { _ = s.Close() }, nil
}

func alone(self identity.NodeID) raft.Configuration {
	id := self.String()
	return raft.Configuration{Servers: []raft.Server{{Suffrage: raft.Voter, ID: raft.ServerID(id), Address: raft.ServerAddress(id)}}}
}

// translator is asked for nothing but how an address is written.
func translator(self identity.NodeID) raft.Transport {
	_, t := raft.NewInmemTransport(raft.ServerAddress(self.String()))
	return t
}

// nowhere is a StreamLayer that reaches nobody.
type nowhere struct{}

func (nowhere) Accept() (net.Conn, error)                     { return nil, net.ErrClosed }
func (nowhere) Close() error                                  { return nil }
func (nowhere) Addr() net.Addr                                { return addr("") }
func (nowhere) Dial(Address, time.Duration) (net.Conn, error) { return nil, net.ErrClosed }
