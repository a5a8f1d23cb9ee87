package broker

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"warren/session"
)

func loopback(netip.Addr) bool { return true }

// newTestHub runs a Hub on a loopback socket.
func newTestHub(t testing.TB) *Hub {
	t.Helper()
	return newTestHubOn(t, net.IPv4(127, 0, 0, 1))
}

func newTestHubOn(t testing.TB, ip net.IP) *Hub {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip})
	if err != nil {
		t.Skipf("no socket on %s: %v", ip, err)
	}
	h, err := NewHub(HubConfig{Socket: socket, AllowCandidate: loopback})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("hub: %v", err)
		}
	})
	return h
}

type half struct {
	hub  *Hub
	link *link
	own  credentials
	cert certificate
}

func newHalf(t testing.TB, h *Hub) half {
	p, err := h.open()
	if err != nil {
		t.Fatal(err)
	}
	own := newCredentials(p)
	cert, err := h.certificate()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLink(p, own, cert)
	if err != nil {
		t.Fatal(err)
	}
	return half{h, l, own, cert}
}

func linkPair(t testing.TB, th, dh *Hub) (tech, dev *stream) {
	a, b := newHalf(t, th), newHalf(t, dh)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.link.establish(ctx, roleDevice, peer{a.own, a.cert.fingerprint}) }()
	if err := a.link.establish(ctx, roleTechnician, peer{b.own, b.cert.fingerprint}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return newStream(a.link), newStream(b.link)
}

// TestLink connects over every kind of address there is; the overlay is IPv6.
func TestLink(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		t.Run(ip, func(t *testing.T) {
			th, dh := newTestHubOn(t, net.ParseIP(ip)), newTestHubOn(t, net.ParseIP(ip))
			tech, dev := linkPair(t, th, dh)
			if err := dev.Send(t.Context(), []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if m, err := tech.Receive(t.Context()); err != nil || string(m) != "hello" {
				t.Fatalf("got %q, %v", m, err)
			}
			go dev.closeWith("enough", haste)
			if _, err := tech.Receive(t.Context()); err == nil || err.Error() != "the session was ended: enough" {
				t.Errorf("the end is %v", err)
			}
			tech.Close()
			select {
			case <-dev.closed:
			case <-time.After(time.Second):
				t.Error("the device's side is still closing")
			}
		})
	}
}

func BenchmarkLink(b *testing.B) {
	th, dh := newTestHub(b), newTestHub(b)
	for b.Loop() {
		tech, dev := linkPair(b, th, dh)
		go dev.Close()
		if _, err := tech.Receive(b.Context()); err == nil {
			b.Fatal("a message came where the end was due")
		}
		tech.Close()
		<-dev.closed
	}
}

var _ session.Stream = (*stream)(nil)
