package view_test

import (
	"errors"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/node/view"
)

// TestRevokeBesideTheLog: a revocation that came from machine to machine is on
// disk at once, and a replica that does not have it yet neither takes it back
// nor waits for it.
func TestRevokeBesideTheLog(t *testing.T) {
	t.Parallel()
	hub := node(t, "hub").ID()
	m := founded(t, "one")
	m.device("cam", "device")
	var d disk
	c := openOn(t, m, &d)
	merge(t, c, m.whole(0))
	replica := m.fork()
	s := m.revoke("cam")
	if news, err := c.Revoke(s); !news || err != nil {
		t.Fatalf("got %v, %v", news, err)
	}
	for _, c := range []*view.Cache{c, openOn(t, m, &d)} {
		if cam, _ := c.Now().Log.DeviceByName("cam"); !cam.Revoked {
			t.Error("it does not hold")
		}
		if news, err := c.Revoke(s); news || err != nil {
			t.Errorf("the same again: %v, %v", news, err)
		}
	}
	unknown, err := trust.SignRevocation(m.Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, hub[:], "test", noon, person("stranger"))
	if err != nil {
		t.Fatal(err)
	}
	if news, err := c.Revoke(unknown); news || !errors.Is(err, trust.ErrUnauthorised) {
		t.Errorf("a stranger's: %v, %v", news, err)
	}

	replica.device("box", "device")
	if err := c.Adopt(replica.Log, replica.policy, replica.Len(), view.Standing{Self: hub, Leader: hub}); err != nil {
		t.Fatal(err)
	}
	now := openOn(t, m, &d).Now()
	if cam, _ := now.Log.DeviceByName("cam"); !cam.Revoked || now.Log.Head() != replica.Head() {
		t.Errorf("revoked: %v; entries %d, want %d", cam.Revoked, now.Log.Len(), replica.Len())
	}
	if lacking := view.Beyond(now.Log, replica.Log); len(lacking) != 1 {
		t.Errorf("%d revocations are to be entered, want one", len(lacking))
	}
}

// TestAPeerCannotTellAFork: what a peer says of another history may be garbage,
// and only a controller's word is worth a warning.
func TestAPeerCannotTellAFork(t *testing.T) {
	t.Parallel()
	m, other := founded(t, "one"), founded(t, "one")
	m.device("cam", "device")
	other.device("box", "device")
	var d disk
	c := openOn(t, m, &d)
	merge(t, c, m.whole(0))
	v := other.whole(0)
	v.Controller, v.Leader = nil, nil
	if _, err := c.Merge(v); !errors.Is(err, view.ErrFork) || c.Now().Fork != nil {
		t.Errorf("from a peer: %v, and as a warning: %v", err, c.Now().Fork)
	}
	if _, err := c.Merge(other.whole(0)); !errors.Is(err, view.ErrFork) || c.Now().Fork == nil {
		t.Errorf("from a controller: %v, and as a warning: %v", err, c.Now().Fork)
	}
}
