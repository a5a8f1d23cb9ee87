//go:build unix

package node_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"warren/node/home"
	"warren/node/platform"
	"warren/node/port"
)

func TestControllersAreRemovedAndReplaced(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	hq.refused(5, "is the only controller that votes", "controllers", "remove", "hq", "--yes")
	m.grow(hq, "hq-2", "hq-3")
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(anna, "kiosk")

	// A dead one is replaced. Nobody may go while that would leave too few.
	m.at("hq-3").crash()
	anna.refused(5, "too few controllers would answer", "controllers", "remove", "hq-2", "--yes")
	m.grow(anna, "hq-4")
	anna.must("controllers", "remove", "hq-3", "--yes")
	anna.refused(3, "was removed from the controllers", "controllers", "add", "hq-3")
	if c := anna.controllers(); len(c) != 3 || !c["hq-4"].Voter {
		t.Errorf("the controllers are %+v", c)
	}

	// The one who leads goes too, and stays a machine of the mesh.
	var lead string
	until(t, patience, "one leads", func() bool { lead = anna.leader(); return lead != "" })
	s := anna.talk(lead)
	s.says("one")
	r := anna.run("controllers", "remove", lead, "--yes")
	if r.code != 0 || !strings.Contains(r.err, "Two controllers vote: while either is down") {
		t.Fatalf("removing %s, who leads: %v", lead, r)
	}
	old := m.at(lead)
	until(t, patience, lead+" orders no more", func() bool { _, there := old.controllers()[lead]; return !there })
	s.says("two")
	s.end()
	m.join(anna, "late")
	until(t, patience, lead+" follows", func() bool { return old.run("device", "late").code == 0 })

	// What came back after its removal is told so, and serves nobody.
	m.at("hq-3").up()
	until(t, patience, "hq-3 knows", func() bool { _, there := m.at("hq-3").controllers()["hq-3"]; return !there })

	// Two to one, without the one who led.
	anna.must("controllers", "remove", anna.leader(), "--yes")
	if c := anna.controllers(); len(c) != 1 {
		t.Errorf("the controllers are %+v", c)
	}
	var last string
	for name := range anna.controllers() {
		last = name
	}
	anna.refused(5, "is the only controller that votes", "controllers", "remove", last, "--yes")
	anna.must("invite")
	kiosk.must("status")
}

// The Raft port refuses machines that are no controllers, and controllers that
// were removed; those connections that they have are ended (S-03).
func TestRaftPortIsForControllers(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	m.grow(hq, "hq-2", "hq-3")
	m.join(hq, "kiosk")

	stays := raftConn(t, m.at("hq-3"), hq)
	held := raftConn(t, m.at("hq-2"), hq)
	if err := ended(stays, 300*time.Millisecond); err != nil {
		t.Fatalf("a controller is refused, so that this shows nothing: %v", err)
	}
	refusedRaft(t, "a machine that is no controller", m.at("kiosk"), hq)

	hq.must("controllers", "remove", "hq-2", "--yes")
	if err := ended(held, patience); err == nil {
		t.Error("the live connection of a removed controller goes on")
	}
	refusedRaft(t, "a removed controller", m.at("hq-2"), hq)
	refusedRaft(t, "a removed controller, at the other", m.at("hq-2"), m.at("hq-3"))
	if err := ended(stays, 300*time.Millisecond); err != nil {
		t.Errorf("the connection of the controller that stays: %v", err)
	}
}

// raftConn is a connection that speaks for one machine to another's Raft port.
// In TLS 1.3 the refusal of a client comes after its own handshake.
func raftConn(t *testing.T, from, to *machine) net.Conn {
	t.Helper()
	key, err := home.At(platform.Dir(from.dir)).NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	peer, err := home.At(platform.Dir(to.dir)).NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := port.Dial(ctx, key, peer.ID(), port.Raft, net.JoinHostPort("127.0.0.1", strconv.Itoa(to.port)))
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ended waits for the other side to end a connection: nil where it does not.
func ended(c net.Conn, limit time.Duration) error {
	if c == nil {
		return errors.New("no connection")
	}
	_ = c.SetReadDeadline(time.Now().Add(limit))
	_, err := c.Read(make([]byte, 1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

func refusedRaft(t *testing.T, who string, from, to *machine) {
	t.Helper()
	if err := ended(raftConn(t, from, to), patience); err == nil {
		t.Errorf("%s has a connection to the Raft port of %s", who, to.name)
	}
}
