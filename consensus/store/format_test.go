package store

import (
	"errors"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
)

// What not every controller knows is refused before it is in the log.
func TestEarlyKindsAreNotWritten(t *testing.T) {
	m := statetest.New(t, "acme")
	s := start(t, config(t.TempDir(), m.Node.ID(), &storetest.Network{}))
	ctx := within(t, 20*time.Second)
	old := m.Founding()
	old.Format = 0
	if err := s.Bootstrap(ctx, m.Command(old, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	before := s.raft.LastIndex()
	if _, err := s.Propose(ctx, m.Command(&warrenv1.AuditNoted{}, 0)); !errors.Is(err, state.ErrEarly) {
		t.Errorf("under format 1: %v", err)
	}
	if got := s.raft.LastIndex(); got != before {
		t.Errorf("the log grew from %d to %d", before, got)
	}
	if _, err := s.Propose(ctx, m.Command(&warrenv1.FormatRaised{Format: 2}, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Propose(ctx, m.Command(&warrenv1.AuditNoted{}, 0)); errors.Is(err, state.ErrEarly) {
		t.Errorf("under format 2: %v", err)
	}
}
