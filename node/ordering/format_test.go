package ordering_test

import (
	"context"
	"testing"
	"time"

	"warren/consensus/command"
	"warren/consensus/state/statetest"
	"warren/consensus/store"
	"warren/consensus/store/storetest"
	"warren/mesh/identity"
	"warren/node/ordering"
)

// The leader raises the format of commands once every controller that holds
// the log has said that it knows the newer one.
func TestLeaderRaisesTheFormat(t *testing.T) {
	m := statetest.New(t, "acme")
	var network storetest.Network
	open := func(id identity.NodeID) *store.Store {
		s, err := store.Open(store.Config{
			Dir: t.TempDir(), Self: id, Transport: network.Layer(id),
			Now: func() time.Time { return statetest.Epoch.Add(time.Minute) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		return s
	}
	s := open(m.Node.ID())
	old := m.Founding()
	old.Format = 0
	if err := s.Bootstrap(within(t, 20*time.Second), m.Command(old, 0)); err != nil {
		t.Fatal(err)
	}
	founded := make(chan struct{})
	close(founded)
	mute := m.Machine(1).ID() // has a copy of the log, and answers nobody
	council := &ordering.Council{
		Local: ordering.Local{Store: s, Founded: founded}, Self: m.Node.ID(),
		Remote:   ordering.Remote{Key: m.Node, Doors: func() []ordering.Door { return nil }},
		Ordering: func() bool { return true },
	}
	open(mute)
	if err := s.AddReplica(within(t, 20*time.Second), mute); err != nil {
		t.Fatal(err)
	}
	if err := council.Arrange(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	// The trust log does not name it, so that it is out, and holds up nothing.
	for _, v := range s.Voters() {
		if v.Node == mute {
			t.Error("who is no controller is in the cluster")
		}
	}
	if got := s.State().Snapshot().Format(); got != command.Newest {
		t.Errorf("the format is %d, want %d", got, command.Newest)
	}
}
