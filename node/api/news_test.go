package api

import (
	"context"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/port"
)

// lacks is the request of a machine that holds the log as it is now.
func (w *world) lacks() *warrenv1.NewerRequest {
	id, head, policy := w.log().Mesh(), w.log().Head(), w.view.Now().PolicyHash()
	return &warrenv1.NewerRequest{Mesh: id[:], Entries: w.log().Len(), Head: head[:], Policy: policy[:]}
}

func from(ctx context.Context, id identity.NodeID) context.Context {
	return port.WithPeer(ctx, port.Peer{ID: id})
}

func TestNewerIsWhatThePeerLacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := NewNewsService(w.view)
	if _, err := w.view.Merge(&warrenv1.View{Voters: [][]byte{make([]byte, 16)}}); err != nil {
		t.Fatal(err)
	}
	early := w.lacks()
	cam := w.device("cam", "cam")
	box := w.device("box", "box")
	w.revokeNode(box)
	ctx := from(t.Context(), cam.ID)

	v, err := s.Newer(ctx, early)
	if err != nil {
		t.Fatal(err)
	}
	if len(v.GetEntries()) != 2 || v.GetFromSequence() != early.GetEntries() || len(v.GetRevocations()) != 1 || len(v.GetPolicy()) != 0 {
		t.Errorf("%d entries from %d, %d revocations, %d bytes of policy", len(v.GetEntries()), v.GetFromSequence(), len(v.GetRevocations()), len(v.GetPolicy()))
	}
	if v.GetRevision() != 0 || len(v.GetLeader()) != 0 || len(v.GetController()) != 0 || len(v.GetVoters()) != 0 {
		t.Error("a peer tells who orders, and what")
	}
	other := w.lacks()
	other.Policy = nil
	if v, err = s.Newer(ctx, other); err != nil || len(v.GetEntries()) != 0 || len(v.GetPolicy()) == 0 {
		t.Errorf("who lacks the policy only gets %d entries, %d bytes of policy, %v", len(v.GetEntries()), len(v.GetPolicy()), err)
	}

	// Who is ahead or astray gets what needs no place in a history.
	astray := w.lacks()
	astray.Head, astray.Policy = make([]byte, 32), nil
	ahead := w.lacks()
	ahead.Entries, ahead.Policy = 1<<40, nil
	none := w.lacks()
	none.Entries, none.Head, none.Policy = 0, nil, nil
	for name, req := range map[string]*warrenv1.NewerRequest{"astray": astray, "ahead": ahead, "nothing": none} {
		v, err := s.Newer(ctx, req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(v.GetEntries()) != 0 || len(v.GetPolicy()) != 0 || len(v.GetRevocations()) != 1 || v.GetFromSequence() != req.GetEntries() {
			t.Errorf("%s: %d entries from %d, %d bytes of policy, %d revocations", name, len(v.GetEntries()), v.GetFromSequence(), len(v.GetPolicy()), len(v.GetRevocations()))
		}
	}
}

func TestNewerIsForPeersAndNotForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := NewNewsService(w.view)
	cam, box := w.device("cam", "cam"), w.device("box", "box")
	if _, err := s.Newer(t.Context(), w.lacks()); fault.KindOf(err) != fault.Denied {
		t.Errorf("a caller without a name: %v", err)
	}
	foreign := w.lacks()
	foreign.Mesh = make([]byte, 32)
	if _, err := s.Newer(from(t.Context(), cam.ID), foreign); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another mesh: %v", err)
	}
	refused := 0
	for range 3 * newerAtOnce {
		if _, err := s.Newer(from(t.Context(), cam.ID), w.lacks()); fault.KindOf(err) == fault.Unavailable {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Error("one peer may ask without end")
	}
	if _, err := s.Newer(from(t.Context(), box.ID), w.lacks()); err != nil {
		t.Errorf("another peer is refused with it: %v", err)
	}
	for range newerTogether {
		s.busy <- struct{}{}
	}
	if _, err := s.Newer(from(t.Context(), box.ID), w.lacks()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("with %d at work already: %v", newerTogether, err)
	}
}
