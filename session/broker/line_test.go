package broker_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"warren/session"
	"warren/session/broker"
	"warren/session/sessiontest"
)

// gate is a socket whose packets stop when it is shut, and of which some are
// lost. It is no *net.UDPConn, as netstack's sockets are none.
type gate struct {
	net.PacketConn
	shut    atomic.Bool
	lose    atomic.Int64 // of a thousand
	longest atomic.Int64
}

func (g *gate) WriteTo(b []byte, to net.Addr) (int, error) {
	g.longest.Store(max(g.longest.Load(), int64(len(b))))
	if g.shut.Load() || rand.Int64N(1000) < g.lose.Load() {
		return len(b), nil
	}
	return g.PacketConn.WriteTo(b, to)
}

// gated is a Pair whose two sockets are gates.
func gated(t *testing.T, silence time.Duration, kinds ...session.Kind) (*sessiontest.Pair, []*gate) {
	t.Helper()
	p := sessiontest.NewPair(t)
	var gates []*gate
	behind := func(c *broker.HubConfig) {
		g := &gate{PacketConn: c.Socket}
		gates = append(gates, g)
		c.Socket, c.Silence = g, silence
	}
	p.TechnicianHub, p.DeviceHub = sessiontest.NewHubWith(t, behind), sessiontest.NewHubWith(t, behind)
	b, err := broker.New(broker.Config{Key: p.DeviceKey, Mesh: p.Mesh, Hub: p.DeviceHub, Kinds: kinds})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	p.Broker = b
	b.Apply(p.Plan())
	return p, gates
}

// TestPacketsFitTheOverlay: an overlay packet is 1280 bytes, of which IPv6 and
// UDP take 48.
func TestPacketsFitTheOverlay(t *testing.T) {
	var sent atomic.Int64
	p, gates := gated(t, 0, source{count: 20, size: session.MaxMessage, sent: &sent})
	c := dial(t, p, "source")
	for {
		if _, err := c.Stream().Receive(t.Context()); err != nil {
			break
		}
	}
	for i, g := range gates {
		if n := g.longest.Load(); n > 1280-48 || n == 0 {
			t.Errorf("side %d sent a packet of %d bytes", i, n)
		}
	}
}

// TestLoss opens and uses sessions on a bad line.
func TestLoss(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	p, gates := gated(t, 0, echo{})
	for _, g := range gates {
		g.lose.Store(30)
	}
	for i := range 3 {
		start := time.Now()
		c := dial(t, p, "echo")
		opened := time.Since(start)
		for j := range 60 {
			want := fmt.Sprint(j)
			if err := c.Stream().Send(t.Context(), []byte(want)); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Stream().Receive(t.Context()); err != nil || string(got) != want {
				t.Fatalf("session %d message %d: %q, %v", i, j, got, err)
			}
		}
		t.Logf("opened in %s, 60 echoes in %s", opened, time.Since(start)-opened)
		c.Close()
	}
}

// TestOutage: a wire that is dead for a few seconds costs no more than that.
func TestOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	p, gates := gated(t, 0, echo{})
	c := dial(t, p, "echo")
	for _, g := range gates {
		g.shut.Store(true)
	}
	for i := range 10 {
		if err := c.Stream().Send(t.Context(), []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(4 * time.Second)
	for _, g := range gates {
		g.shut.Store(false)
	}
	start := time.Now()
	for i := range 10 {
		if got, err := c.Stream().Receive(t.Context()); err != nil || len(got) != 1 || got[0] != byte(i) {
			t.Fatalf("message %d is %v, %v", i, got, err)
		}
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the session went on %s after the wire did", took)
	}
}

// TestVanishing cuts the wire under a session; both sides must notice.
func TestVanishing(t *testing.T) {
	sessiontest.NoLeaks(t)
	p, gates := gated(t, time.Second, echo{})
	c, twin := dial(t, p, "echo"), dial(t, p, "echo")
	if err := c.Stream().Send(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stream().Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, g := range gates {
		g.shut.Store(true)
	}
	start := time.Now()
	abandoned := time.Now()
	twin.Close()
	if took := time.Since(abandoned); took > 800*time.Millisecond {
		t.Errorf("closing a session on a dead wire took %s", took)
	}
	if _, err := c.Stream().Receive(t.Context()); !errors.Is(err, session.ErrLost) {
		t.Errorf("the technician is told %v", err)
	}
	for len(p.Broker.Sessions()) > 0 {
		if time.Since(start) > 5*time.Second {
			t.Fatal("the device has not noticed")
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("noticed after %s", time.Since(start))
}
