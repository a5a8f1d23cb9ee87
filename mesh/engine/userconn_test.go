package engine

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestSocketsSpeakLikeThoseOfNet compares errors as programs do.
func TestSocketsSpeakLikeThoseOfNet(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	l, err := b.Listen(t.Context(), b.at(2200))
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				accepted <- err
				return
			}
			defer c.Close()
		}
	}()
	c, err := a.Dial(within(t, 5*time.Second), "tcp", b.at(2200))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.RemoteAddr().String(); got != b.at(2200).String() {
		t.Errorf("remote address %s", got)
	}
	c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	c.SetReadDeadline(time.Time{})
	time.AfterFunc(20*time.Millisecond, func() { c.Close() })
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read while closing: %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	l.Close()
	select {
	case err := <-accepted:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept after close: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("accept does not end")
	}
	if _, err := a.Dial(within(t, 5*time.Second), "tcp", b.at(2200)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}

	pc, err := b.ListenPacket(b.at(2300))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { pc.Close() })
	if _, _, err := pc.ReadFrom(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("packet read while closing: %v", err)
	}
}

func TestFourAndSixteenByteAddressesAreAlike(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	at := net.UDPAddr{IP: net.IPv4(10, 77, 0, 2), Port: 2300} // sixteen bytes
	pb, err := b.ListenPacket(at.AddrPort())                  // ::ffff:10.77.0.2
	if err != nil {
		t.Fatal(err)
	}
	defer pb.Close()
	pa, err := a.ListenPacket(netip.AddrPortFrom(a.addr4, 2300))
	if err != nil {
		t.Fatal(err)
	}
	defer pa.Close()
	if err := a.Open(within(t, 5*time.Second), b.id); err != nil {
		t.Fatal(err)
	}
	for _, ip := range []net.IP{at.IP, at.IP.To4()} {
		if _, err := pa.WriteTo([]byte("hi"), &net.UDPAddr{IP: ip, Port: 2300}); err != nil {
			t.Fatal(err)
		}
		pb.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, _, err := pb.ReadFrom(make([]byte, 10)); err != nil {
			t.Errorf("%d bytes: %v", len(ip), err)
		}
	}
}
