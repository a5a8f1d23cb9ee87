package lan

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

func testSealer(t testing.TB, mesh identity.MeshID) sealer {
	t.Helper()
	s, err := newSealer(mesh)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testCall(t testing.TB) *warrenv1.Call {
	t.Helper()
	keys := identitytest.Keys(t, seed(1), meshID, "one", 3, time.UnixMilli(4))
	return &warrenv1.Call{Caller: make([]byte, callerSize), Time: 5, Question: true, Statements: []*warrenv1.Statement{keys}}
}

func TestSealed(t *testing.T) {
	s := testSealer(t, meshID)
	call := testCall(t)
	datagram, err := s.seal(call)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.open(datagram)
	if err != nil || !proto.Equal(got, call) {
		t.Fatalf("came back as %v: %v", got, err)
	}
	again, err := s.seal(call)
	if err != nil || bytes.Equal(again, datagram) {
		t.Errorf("the same call gives the same bytes (%v)", err)
	}
	key := seed(1)
	for what, secret := range map[string][]byte{"mesh id": meshID[:8], "node key": key.Public(), "type": []byte("warren")} {
		if bytes.Contains(datagram, secret) {
			t.Errorf("a stranger can read the %s", what)
		}
	}
	if _, err := testSealer(t, identity.MeshID{9}).open(datagram); !errors.Is(err, errCall) {
		t.Errorf("another mesh opens it: %v", err)
	}
	for i := range datagram {
		for bit := range 8 {
			bad := bytes.Clone(datagram)
			bad[i] ^= 1 << bit
			if _, err := s.open(bad); !errors.Is(err, errCall) {
				t.Fatalf("bit %d of byte %d does not count: %v", bit, i, err)
			}
		}
	}
	for n := range datagram {
		if _, err := s.open(datagram[:n]); !errors.Is(err, errCall) {
			t.Fatalf("%d of %d bytes are enough: %v", n, len(datagram), err)
		}
	}
}

func TestTooLong(t *testing.T) {
	s := testSealer(t, meshID)
	call := testCall(t)
	call.Statements[0].Payload = make([]byte, MaxDatagram)
	if _, err := s.seal(call); !errors.Is(err, errCall) {
		t.Errorf("sealed what does not fit: %v", err)
	}
	if _, err := s.open(make([]byte, MaxDatagram+1)); !errors.Is(err, errCall) {
		t.Errorf("opened what does not fit: %v", err)
	}
}

// TestLongStatementsGoOneByOne has statements that do not fit into one
// datagram together, and one that fits into none.
func TestLongStatementsGoOneByOne(t *testing.T) {
	var s street
	a := s.join(t, 1, "192.168.1.50")
	statement := func(size int) *warrenv1.Statement { return &warrenv1.Statement{Payload: make([]byte, size)} }
	a.beacon.call([]*warrenv1.Statement{statement(800), statement(800), statement(2000), statement(10), statement(10)}, false)
	var sizes []int
	for range s.count() {
		c, err := a.beacon.sealer.open(<-a.plug.heard)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(c.GetStatements()))
	}
	if len(sizes) != 3 || sizes[0] != 1 || sizes[1] != 1 || sizes[2] != 2 {
		t.Errorf("datagrams with %v statements, want 1, 1, 2", sizes)
	}
}

// FuzzOpen reads foreign bytes twice: as a datagram, and as what somebody who
// knows the mesh put into one.
func FuzzOpen(f *testing.F) {
	s := testSealer(f, meshID)
	call := testCall(f)
	text, err := proto.Marshal(call)
	if err != nil {
		f.Fatal(err)
	}
	datagram, err := s.seal(call)
	if err != nil {
		f.Fatal(err)
	}
	datagram[len(datagram)-1] ^= 1
	f.Add(text)
	f.Add(datagram)
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := s.open(b); err == nil {
			t.Fatalf("opened what nobody sealed: %v", c)
		}
		c, err := decode(b)
		if err != nil {
			if !errors.Is(err, errCall) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if len(c.GetCaller()) != callerSize || len(c.GetStatements()) > maxStatements {
			t.Fatalf("out of bounds: %v", c)
		}
	})
}
