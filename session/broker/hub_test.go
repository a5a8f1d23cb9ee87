package broker

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func TestHubChecksItsSocket(t *testing.T) {
	unspecified, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer unspecified.Close()
	stream, err := net.ListenPacket("unixgram", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for name, cfg := range map[string]HubConfig{
		"no socket":            {AllowCandidate: loopback},
		"no rule":              {Socket: unspecified},
		"no definite address":  {Socket: unspecified, AllowCandidate: loopback},
		"a socket of no UDP":   {Socket: stream, AllowCandidate: loopback},
		"nothing at all to do": {},
	} {
		if _, err := NewHub(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestHubDropsStrangers: packets for no session, from where no session may
// talk to, or of no fitting size go nowhere.
func TestHubDropsStrangers(t *testing.T) {
	one := netip.MustParseAddr("127.0.0.1")
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHub(HubConfig{Socket: socket, AllowCandidate: func(a netip.Addr) bool { return a == one }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	run := func() { done <- h.Run(ctx) }
	p, err := h.open()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(h.Address()))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	tagged := func(t tag, n int) []byte {
		b := make([]byte, tagSize+n)
		putTag(b, t)
		return b
	}
	for _, packet := range [][]byte{
		{},
		{1},
		tagged(p.tag, 0), tagged(p.tag, maxPacket+1), tagged(p.tag^1, 10), tagged(0, 10),
		[]byte("\x00\x01\x00\x00 a STUN packet"), tagged(p.tag, 7), tagged(p.tag, maxPacket),
	} {
		if _, err := stranger.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	if outsider, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}); err == nil {
		defer outsider.Close()
		if _, err := outsider.WriteTo(tagged(p.tag, 9), net.UDPAddrFromAddrPort(h.Address())); err != nil {
			t.Fatal(err)
		}
	}
	go run()
	buffer := make([]byte, 2*maxPacket)
	for _, want := range []int{7, maxPacket} {
		if n, from, err := p.ReadFrom(buffer); n != want || err != nil || from.String() != stranger.LocalAddr().String() {
			t.Errorf("got %d bytes from %v, %v; want %d", n, from, err, want)
		}
	}
	if err := p.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := p.ReadFrom(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes, %v; want a timeout", n, err)
	}
	p.Close()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run gave %v", err)
	}
	if _, err := h.open(); !errors.Is(err, ErrHubClosed) {
		t.Errorf("a Hub that has ended opened a path: %v", err)
	}
}

// TestPathOverflow: a path that nobody reads keeps a bounded number of
// packets.
func TestPathOverflow(t *testing.T) {
	h := newTestHub(t)
	p, err := h.open()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 3 * maxQueued {
		p.deliver([]byte("x"), netip.AddrPort{})
	}
	if n := len(p.incoming); n != maxQueued {
		t.Errorf("%d packets wait, want %d", n, maxQueued)
	}
}

// TestPathSendsNowhereElse: nothing leaves for an address outside the rule, or
// before the other side's tag is known.
func TestPathSendsNowhereElse(t *testing.T) {
	listener, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skip("this machine has one loopback address only")
	}
	defer listener.Close()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	one := netip.MustParseAddr("127.0.0.1")
	h, err := NewHub(HubConfig{Socket: socket, AllowCandidate: func(a netip.Addr) bool { return a == one }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.open()
	if err != nil {
		t.Fatal(err)
	}
	p.aim(tagMark | 5)
	if _, err := p.WriteTo([]byte("hello"), listener.LocalAddr()); err != nil {
		t.Errorf("an address outside gave %v, want the packet to be lost", err)
	}
	if err := listener.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := listener.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes left for an address outside", n)
	}
}

// TestSocketFails: a Hub whose socket breaks says so.
func TestSocketFails(t *testing.T) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHub(HubConfig{Socket: socket, AllowCandidate: loopback})
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { socket.Close() })
	if err := h.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run gave %v", err)
	}
}

func TestCertificateAge(t *testing.T) {
	var c certificates
	now := time.Now()
	first, err := c.current(now)
	if err != nil {
		t.Fatal(err)
	}
	for after, same := range map[time.Duration]bool{0: true, 23 * time.Hour: true} {
		if again, err := c.current(now.Add(after)); err != nil || (again.fingerprint == first.fingerprint) != same {
			t.Errorf("after %s: %v", after, err)
		}
	}
	if next, err := c.current(now.Add(certificateAge)); err != nil || next.fingerprint == first.fingerprint {
		t.Errorf("a day later it is the same, %v", err)
	}
}
