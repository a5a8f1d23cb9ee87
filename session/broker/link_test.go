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
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
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

func TestLink(t *testing.T) {
	th, dh := newTestHub(t), newTestHub(t)
	ctx := context.Background()
	for range 5 {
		start := time.Now()
		tech, dev := linkPair(t, th, dh)
		t.Log("linked", time.Since(start))
		if err := dev.Send(ctx, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		m, err := tech.Receive(ctx)
		if err != nil || string(m) != "hello" {
			t.Fatal(string(m), err)
		}
		t.Log("first message", time.Since(start))
		start = time.Now()
		go dev.closeWith("revoked")
		_, err = tech.Receive(ctx)
		t.Log("end", err, time.Since(start))
		tech.Close()
		t.Log("closed", time.Since(start))
		<-dev.closed
		t.Log("closed", time.Since(start))
	}
}

func BenchmarkLink(b *testing.B) {
	th, dh := newTestHub(b), newTestHub(b)
	for b.Loop() {
		tech, dev := linkPair(b, th, dh)
		go dev.Close()
		tech.Receive(context.Background())
		tech.Close()
		<-dev.closed
	}
}

var _ session.Stream = (*stream)(nil)
