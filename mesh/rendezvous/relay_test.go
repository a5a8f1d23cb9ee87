package rendezvous

import (
	"errors"
	"log/slog"
	"net"
	"testing"

	"golang.org/x/time/rate"
	"tailscale.com/types/key"
)

// TestRelayHoldsSoManyPairs leaves the rate out: it bounds how fast, not how
// many.
func TestRelayHoldsSoManyPairs(t *testing.T) {
	r := openFreeRelay(t)
	ask := func(from byte, a, b key.DiscoPublic) error {
		by := [32]byte{from}
		if r.askers[by] == nil {
			r.askers[by] = rate.NewLimiter(rate.Inf, 0)
		}
		_, err := r.allocate(by, a, b)
		return err
	}
	fill := func(from byte) (got int, first key.DiscoPublic) {
		self := key.NewDisco().Public()
		for range maxPairsEach + 10 {
			other := key.NewDisco().Public()
			if ask(from, self, other) == nil {
				got++
				first = other
			}
		}
		if err := ask(from, self, first); got == maxPairsEach && err != nil {
			t.Errorf("a pair that is there already: %v", err)
		}
		return got, first
	}
	for from := range byte(maxPairs / maxPairsEach) {
		if got, _ := fill(from); got != maxPairsEach {
			t.Fatalf("member %d got %d pairs, want %d", from, got, maxPairsEach)
		}
	}
	if got, _ := fill(200); got != 0 {
		t.Errorf("%d pairs beyond all", got)
	}
	// What the library has let go, by its own clock, makes room.
	for p, h := range r.pairs {
		h.vni += maxPairs
		r.pairs[p] = h
		break
	}
	if err := ask(201, key.NewDisco().Public(), key.NewDisco().Public()); err != nil {
		t.Errorf("no room where a pair has ended: %v", err)
	}
}

func openFreeRelay(t *testing.T) *relay {
	t.Helper()
	for range 50 {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		c.Close()
		cfg := Config{Port: port - 3, Loopback: true, Log: slog.New(slog.DiscardHandler)}
		r, err := openRelay(cfg)
		if errors.Is(err, ErrPortTaken) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.close)
		return r
	}
	t.Fatal("no port is free")
	return nil
}
