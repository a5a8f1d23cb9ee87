package engine

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"tailscale.com/net/packet"
)

// wires is a datagrams whose packets come back to another.
func wires(mine netip.Addr, to *datagrams) *datagrams {
	return &datagrams{
		mtu:    1280,
		isSelf: func(a netip.Addr) bool { return a == mine },
		inject: func(b []byte) error {
			var p packet.Parsed
			p.Decode(b)
			to.take(&p)
			return nil
		},
	}
}

func TestDatagrams(t *testing.T) {
	for _, family := range [][2]string{{"fd00::1", "fd00::2"}, {"10.77.0.1", "10.77.0.2"}} {
		here, there := netip.MustParseAddr(family[0]), netip.MustParseAddr(family[1])
		a, b := netip.AddrPortFrom(here, 420), netip.AddrPortFrom(there, 421)
		var left, right datagrams
		left, right = *wires(here, &right), *wires(there, &left)
		ca, err := left.listen(a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := left.listen(a); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("a second socket on one port: %v", err)
		}
		cb, err := right.listen(b)
		if err != nil {
			t.Fatal(err)
		}
		most := 1280 - packetSize(there, 0)
		buf := make([]byte, 2000)
		for _, n := range []int{0, 1, 2, most} {
			if _, err := ca.WriteTo(make([]byte, n), net.UDPAddrFromAddrPort(b)); err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
			if got, from, err := cb.ReadFrom(buf); err != nil || got != n || from.String() != a.String() {
				t.Errorf("%d bytes: %d from %v: %v", n, got, from, err)
			}
		}
		if _, err := ca.WriteTo(make([]byte, most+1), net.UDPAddrFromAddrPort(b)); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("more than a packet holds: %v", err)
		}
		if _, err := ca.WriteTo(nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("[2001:db8::1]:1"))); here.Is4() && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("the other family: %v", err)
		}
		for range backlog + 100 { // nobody reads: nobody waits
			if _, err := ca.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(b)); err != nil {
				t.Fatal(err)
			}
		}
		for range backlog {
			if _, _, err := cb.ReadFrom(buf); err != nil {
				t.Fatal(err)
			}
		}
		// A datagram that claims to be longer than its packet, or shorter than
		// its own header.
		for _, length := range []byte{200, 7} {
			raw := udpPacket(a, b, []byte("abc"), packetSize(there, 3))
			raw[len(raw)-3-8+5] = length
			var p packet.Parsed
			p.Decode(raw)
			if !right.take(&p) {
				t.Error("a bad datagram went on to the system")
			}
		}
		_ = cb.SetReadDeadline(time.Now().Add(-time.Second))
		if _, _, err := cb.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("past the deadline: %v", err)
		}
		_ = cb.SetReadDeadline(time.Time{})
		time.AfterFunc(10*time.Millisecond, func() { _ = cb.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) })
		if _, _, err := cb.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline set meanwhile: %v", err)
		}
		_ = cb.SetReadDeadline(time.Time{})
		time.AfterFunc(10*time.Millisecond, func() { _ = cb.Close() })
		if _, _, err := cb.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed meanwhile: %v", err)
		}
		if _, err := cb.WriteTo(nil, net.UDPAddrFromAddrPort(a)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write after the end: %v", err)
		}
		if again, err := right.listen(b); err != nil {
			t.Errorf("the port is not free again: %v", err)
		} else {
			_ = again.Close()
		}
	}
}
