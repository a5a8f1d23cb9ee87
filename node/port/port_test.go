package port_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"warren/mesh/identity"
	"warren/node/port"
)

func newKey(t *testing.T) identity.NodeKey {
	t.Helper()
	k, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// guests is an Admit that can be changed.
type guests struct {
	mu  sync.Mutex
	may map[identity.NodeID]bool
}

func (g *guests) set(id identity.NodeID, may bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.may == nil {
		g.may = map[identity.NodeID]bool{}
	}
	g.may[id] = may
}

func (g *guests) admit(id identity.NodeID, _ ed25519.PublicKey, _ string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.may[id] {
		return errors.New("no guest")
	}
	return nil
}

// door is a Listener that runs on loopback.
type door struct {
	*port.Listener
	key     identity.NodeKey
	address string
}

func open(t *testing.T, admit func(identity.NodeID, ed25519.PublicKey, string) error, protocols ...string) *door {
	t.Helper()
	return run(t, port.Config{Key: newKey(t), Admit: admit, Log: slog.New(slog.DiscardHandler)}, protocols...)
}

func run(t *testing.T, cfg port.Config, protocols ...string) *door {
	t.Helper()
	d := &door{key: cfg.Key}
	var err error
	d.Listener, err = port.NewListener(cfg, protocols...)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.address = socket.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, socket) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
	return d
}

// next is the next connection of a protocol, or fails.
func next(t *testing.T, l net.Listener) *port.Conn {
	t.Helper()
	got := make(chan net.Conn, 1)
	go func() { // ends with the listener
		if c, err := l.Accept(); err == nil {
			got <- c
		}
	}()
	select {
	case c := <-got:
		return c.(*port.Conn)
	case <-time.After(20 * time.Second):
		t.Fatal("nobody came")
		return nil
	}
}

// closed tells whether the other end of c was shut, after some time at most.
func closed(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, err := c.Read(make([]byte, 1))
	var late net.Error
	return err != nil && !(errors.As(err, &late) && late.Timeout())
}

func everybody(identity.NodeID, ed25519.PublicKey, string) error { return nil }

func TestEachProtocolHasItsOwnListener(t *testing.T) {
	t.Parallel()
	d := open(t, everybody, port.Enrol, port.Node)
	caller := newKey(t)
	for _, protocol := range []string{port.Node, port.Enrol, port.Node} {
		c, err := port.Dial(t.Context(), caller, d.key.ID(), protocol, d.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		here := next(t, d.Protocol(protocol))
		if id, key := here.Peer(); id != caller.ID() || !key.Equal(caller.Public()) {
			t.Errorf("%s: the caller is %s, want %s", protocol, id, caller.ID())
		}
		if id, _ := c.Peer(); id != d.key.ID() {
			t.Errorf("%s: %s answered, want %s", protocol, id, d.key.ID())
		}
		go func() { _, _ = here.Write([]byte(protocol)) }()
		got := make([]byte, len(protocol))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != protocol {
			t.Errorf("got %q, %v, want %q", got, err, protocol)
		}
	}
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	var g guests
	d := open(t, g.admit, port.Node)
	caller, other := newKey(t), newKey(t)
	g.set(caller.ID(), true)
	certificate, err := identity.Certificate(caller)
	if err != nil {
		t.Fatal(err)
	}
	base := func(edit func(*tls.Config)) *tls.Config {
		c := &tls.Config{
			Certificates: []tls.Certificate{certificate}, NextProtos: []string{port.Node},
			InsecureSkipVerify: true, MinVersion: tls.VersionTLS12,
		}
		edit(c)
		return c
	}
	tests := map[string]struct {
		config *tls.Config
		ok     bool
	}{
		"as it should be": {base(func(*tls.Config) {}), true},
		"TLS 1.2":         {base(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), false},
		"another ALPN":    {base(func(c *tls.Config) { c.NextProtos = []string{"h2"} }), false},
		"a protocol not offered here": {
			base(func(c *tls.Config) { c.NextProtos = []string{port.Raft} }), false,
		},
		"no ALPN":        {base(func(c *tls.Config) { c.NextProtos = nil }), false},
		"no certificate": {base(func(c *tls.Config) { c.Certificates = nil }), false},
		"two certificates": {base(func(c *tls.Config) {
			two := certificate
			two.Certificate = [][]byte{two.Certificate[0], two.Certificate[0]}
			c.Certificates = []tls.Certificate{two}
		}), false},
		"a key that is no guest": {base(func(c *tls.Config) {
			stranger, err := identity.Certificate(other)
			if err != nil {
				t.Fatal(err)
			}
			c.Certificates = []tls.Certificate{stranger}
		}), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			raw, err := net.Dial("tcp", d.address)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			c := tls.Client(raw, tt.config)
			err = c.HandshakeContext(t.Context())
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				_ = next(t, d.Protocol(port.Node)).Close()
				return
			}
			// TLS 1.3 lets the client believe in it until it reads.
			if err == nil && !closed(c) {
				t.Error("was let in")
			}
		})
	}
}

func TestDialWantsOneKey(t *testing.T) {
	t.Parallel()
	d := open(t, everybody, port.Node)
	_, err := port.Dial(t.Context(), newKey(t), newKey(t).ID(), port.Node, d.address)
	if !errors.Is(err, identity.ErrPeer) {
		t.Errorf("got %v, want one that names another key", err)
	}
	_, err = port.Dial(t.Context(), newKey(t), d.key.ID(), port.Raft, d.address)
	if err == nil {
		t.Error("a protocol that is not served was spoken")
	}
}

func TestDialSaysWhyInPlainWords(t *testing.T) {
	t.Parallel()
	dead := deadAddress(t)
	_, err := port.Dial(t.Context(), newKey(t), newKey(t).ID(), port.Node, dead)
	if err == nil || err.Error() != dead+": connection refused" {
		t.Errorf("got %v", err)
	}
	// One that takes the connection and says nothing.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = port.Dial(ctx, newKey(t), newKey(t).ID(), port.Node, mute.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "no answer from "+mute.Addr().String()) {
		t.Errorf("got %v", err)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is no deadline any more", err)
	}
}

// deadAddress is one that nobody listens on.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestDialAnyTakesTheFirstThatAnswers(t *testing.T) {
	t.Parallel()
	d := open(t, everybody, port.Node)
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	dead := deadAddress(t)
	for name, addresses := range map[string][]string{
		"alone":        {d.address},
		"after dead":   {dead, dead, d.address},
		"after a mute": {mute.Addr().String(), d.address},
		"before dead":  {d.address, dead},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			c, err := port.DialAny(t.Context(), newKey(t), d.key.ID(), port.Node, addresses)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			if took := time.Since(began); took > port.DialTimeout {
				t.Errorf("took %s: it waited for the one that says nothing", took)
			}
		})
	}
	_, err = port.DialAny(t.Context(), newKey(t), d.key.ID(), port.Node, []string{dead, dead})
	if err == nil {
		t.Error("nobody there, and no error")
	}
	_, err = port.DialAny(t.Context(), newKey(t), d.key.ID(), port.Node, nil)
	if err == nil || !strings.Contains(err.Error(), "no address of "+d.key.ID().Short()) {
		t.Errorf("without addresses: %v", err)
	}
}

func TestRecheckClosesWhoHasLostTheRight(t *testing.T) {
	t.Parallel()
	var g guests
	d := open(t, g.admit, port.Node)
	stays, goes := newKey(t), newKey(t)
	var conns []*port.Conn
	for _, k := range []identity.NodeKey{stays, goes, goes} {
		g.set(k.ID(), true)
		c, err := port.Dial(t.Context(), k, d.key.ID(), port.Node, d.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
		next(t, d.Protocol(port.Node))
	}
	d.Recheck()
	g.set(goes.ID(), false)
	d.Recheck()
	if !closed(conns[1]) || !closed(conns[2]) {
		t.Error("a connection without a right stayed open")
	}
	_ = conns[0].SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, err := conns[0].Read(make([]byte, 1))
	var late net.Error
	if !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("a connection with its right was closed: %v", err)
	}
	// TLS 1.3: the refusal comes with the first read.
	if c, err := port.Dial(t.Context(), goes, d.key.ID(), port.Node, d.address); err == nil && !closed(c) {
		t.Error("was let in again")
	}
}
