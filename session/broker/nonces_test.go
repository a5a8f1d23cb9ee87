package broker

import (
	"encoding/binary"
	"testing"
	"time"

	"warren/mesh/identity"
)

func node(n int) identity.NodeID {
	var id identity.NodeID
	binary.BigEndian.PutUint32(id[:], uint32(n))
	return id
}

// TestNoncesAreFair: a node that asks without end costs itself only.
func TestNoncesAreFair(t *testing.T) {
	now := time.Now()
	var n nonces
	var technician [32]byte
	modest := n.issue(node(1), technician, now)
	for range 10 * maxNonces {
		n.issue(node(2), technician, now)
	}
	if len(n.issued) != maxNonces {
		t.Errorf("%d are outstanding, want %d", len(n.issued), maxNonces)
	}
	late := n.issue(node(3), technician, now)
	for from, value := range map[int][nonceSize]byte{1: modest, 3: late} {
		if err := n.take(value, node(from), technician, now); err != nil {
			t.Errorf("node %d: %v", from, err)
		}
	}
}

func TestNonceOnceAndForAMinute(t *testing.T) {
	now := time.Now()
	technician := [32]byte{1}
	for name, test := range map[string]struct {
		from       int
		technician [32]byte
		after      time.Duration
		ok         bool
	}{
		"at once":              {1, technician, 0, true},
		"just in time":         {1, technician, nonceLife - 1, true},
		"too late":             {1, technician, nonceLife, false},
		"by an earlier clock":  {1, technician, -1, true},
		"another node":         {2, technician, 0, false},
		"another technician's": {1, [32]byte{2}, 0, false},
	} {
		var n nonces
		value := n.issue(node(1), technician, now)
		if err := n.take(value, node(test.from), test.technician, now.Add(test.after)); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err := n.take(value, node(test.from), test.technician, now.Add(test.after)); err == nil {
			t.Errorf("%s: taken twice", name)
		}
	}
}

// TestNoncesOfConcurrentCalls: a call that read the clock before another one
// comes after it.
func TestNoncesOfConcurrentCalls(t *testing.T) {
	now := time.Now()
	var n nonces
	var technician [32]byte
	value := n.issue(node(1), technician, now)
	n.issue(node(2), technician, now.Add(-time.Millisecond))
	if err := n.take(value, node(1), technician, now); err != nil {
		t.Errorf("a nonce was lost: %v", err)
	}
}

// TestFailuresAreBounded fails from more nodes than are counted.
func TestFailuresAreBounded(t *testing.T) {
	now := time.Now()
	var f failures
	for i := range 2 * maxFailing {
		f.add(node(i), now)
	}
	if len(f.byNode) > maxFailing {
		t.Errorf("%d nodes are counted", len(f.byNode))
	}
	for range maxFailures {
		f.add(node(7), now)
	}
	if !f.blocked(node(7), now) || f.blocked(node(8), now) || f.blocked(node(7), now.Add(failureWindow)) {
		t.Error("the wrong node is blocked, or for too long")
	}
	for i := range 3 * maxFailing { // the old ones make room
		f.add(node(i), now.Add(2*failureWindow))
	}
	if len(f.byNode) > maxFailing {
		t.Errorf("%d nodes are counted", len(f.byNode))
	}
}
