package engine

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestLoopbackEnginesCarryTCP(t *testing.T) {
	a := start(t, 1, Options{Loopback: true})
	b := start(t, 2, Options{Loopback: true})
	begin := time.Now()
	a.apply(allowAll(), b)
	b.apply(allowAll(), a)
	pong, err := a.Ping(within(t, 5*time.Second), b.id)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("apply to first pong %v: %+v", time.Since(begin), pong)
	if pong.Kind != KindLAN {
		t.Errorf("kind %q, want lan", pong.Kind)
	}
	for _, at := range []netip.Addr{b.addr, b.addr4} {
		to := netip.AddrPortFrom(at, 2200)
		b.echo(to)
		a.mustSay(to, "hello")
		t.Logf("apply to echo over %s: %v", at, time.Since(begin))
	}
	a.echo(a.at(2200))
	b.mustSay(a.at(2200), "and back")
}

func TestLoopbackEnginesCarryUDP(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	for _, at := range []netip.Addr{b.addr, b.addr4} {
		to := netip.AddrPortFrom(at, 2300)
		pc, err := b.ListenPacket(to)
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		if got, ok := pc.LocalAddr().(*net.UDPAddr); !ok || got.AddrPort() != to {
			t.Errorf("local address %v, want %v as a *net.UDPAddr", pc.LocalAddr(), to)
		}
		go bounce(pc)
		c, err := a.Dial(within(t, 5*time.Second), "udp", to)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := exchange(c, "datagram"); err != nil {
			t.Errorf("to %s: %v", at, err)
		}
	}
	// From one open socket to another, as WebRTC does, without a Dial.
	pa, err := a.ListenPacket(a.at(2301))
	if err != nil {
		t.Fatal(err)
	}
	defer pa.Close()
	if _, err := pa.WriteTo([]byte("hi"), net.UDPAddrFromAddrPort(b.at(2300))); err != nil {
		t.Fatal(err)
	}
	pa.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 100)
	n, from, err := pa.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hi" || from.String() != b.at(2300).String() {
		t.Errorf("read %q from %v, %v", buf[:n], from, err)
	}
}

// TestTrafficAloneOpensTheTunnel sends datagrams without Ping, Open or Dial:
// WireGuard alone would need five seconds.
func TestTrafficAloneOpensTheTunnel(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	pb, err := b.ListenPacket(b.at(2300))
	if err != nil {
		t.Fatal(err)
	}
	defer pb.Close()
	pa, err := a.ListenPacket(a.at(2301))
	if err != nil {
		t.Fatal(err)
	}
	defer pa.Close()
	arrived := make(chan struct{})
	go func() {
		buf := make([]byte, 100)
		if _, _, err := pb.ReadFrom(buf); err == nil {
			close(arrived)
		}
	}()
	begin := time.Now()
	for {
		if _, err := pa.WriteTo([]byte("hi"), net.UDPAddrFromAddrPort(b.at(2300))); err != nil {
			t.Fatal(err)
		}
		select {
		case <-arrived:
			t.Logf("first datagram after %v", time.Since(begin))
			return
		case <-time.After(20 * time.Millisecond):
			if time.Since(begin) > 4*time.Second {
				t.Fatal("nothing arrived in four seconds")
			}
		}
	}
}

func TestClosedPortRefusesAtOnce(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	begin := time.Now()
	_, err := a.Dial(within(t, 5*time.Second), "tcp", b.at(7))
	if err == nil || errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 2*time.Second {
		t.Errorf("dial a port nobody listens on: %v after %v", err, time.Since(begin))
	}
}

func TestTakenPort(t *testing.T) {
	for _, network := range []string{"udp4", "udp6"} {
		c, err := net.ListenUDP(network, nil)
		if err != nil {
			t.Skipf("no %s here: %v", network, err)
		}
		port := c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		_, err = New(Options{Loopback: true, Port: port, WireGuard: random32(), Disco: random32()})
		if !errors.Is(err, ErrPortTaken) {
			t.Errorf("%s: %v, want ErrPortTaken", network, err)
		}
		c.Close()
	}
}

func TestUnknownAndUnreachable(t *testing.T) {
	a := start(t, 1, Options{Loopback: true})
	b := start(t, 2, Options{Loopback: true})
	ctx := within(t, 300*time.Millisecond)
	if _, err := a.Ping(ctx, b.id); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("ping a stranger: %v", err)
	}
	if _, err := a.Dial(ctx, "tcp", b.at(1)); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("dial a stranger: %v", err)
	}
	a.apply(nil, b) // b does not know a
	if _, err := a.Dial(ctx, "tcp", b.at(1)); !errors.Is(err, ErrNoPath) {
		t.Errorf("dial the unreachable: %v", err)
	}
	if _, err := a.Listen(ctx, b.at(1)); err == nil {
		t.Error("listened on another's address")
	}
	a.end()
	if err := a.Apply(Config{}); !errors.Is(err, ErrClosed) {
		t.Errorf("apply after the end: %v", err)
	}
	if _, err := a.Ping(within(t, time.Second), b.id); !errors.Is(err, ErrClosed) {
		t.Errorf("ping after the end: %v", err)
	}
}

func TestLoopbackEndpoints(t *testing.T) {
	extra := netip.MustParseAddrPort("192.0.2.1:1")
	a := start(t, 1, Options{Loopback: true, ExtraEndpoints: func() []netip.AddrPort { return []netip.AddrPort{extra} }})
	eps, _ := a.Endpoints()
	for i, ep := range eps {
		if !ep.Addr().IsLoopback() || ep.Port() != a.Port() {
			t.Errorf("endpoint %s", ep)
		}
		if i == 0 && ep.Addr() != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("first is %s", ep)
		}
	}
	if len(eps) == 0 || len(eps) > 2 {
		t.Errorf("endpoints %v", eps)
	}
}
