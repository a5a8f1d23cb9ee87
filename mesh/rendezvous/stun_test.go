package rendezvous

import (
	"net/netip"
	"testing"
	"time"

	"tailscale.com/net/stun"
)

func TestSTUNAnswersOneSourceSoOften(t *testing.T) {
	s := &stunServer{}
	question := stun.Request(stun.NewTxID())
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	ask := func(from string, now time.Time) bool {
		return s.answer(question, netip.MustParseAddrPort(from), now) != nil
	}
	answered := 0
	for range 3 * perSource {
		if ask("192.0.2.1:1", now) {
			answered++
		}
	}
	if answered != perSource {
		t.Errorf("%d answers in a second, want %d", answered, perSource)
	}
	if !ask("192.0.2.2:1", now) {
		t.Error("another address pays for it")
	}
	if !ask("192.0.2.1:1", now.Add(time.Second)) {
		t.Error("a second later there is no answer still")
	}
	for i := range 2 * sources {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		s.answer(question, netip.AddrPortFrom(a, 1), now.Add(2*time.Second))
	}
	if len(s.asked) > sources {
		t.Errorf("%d addresses are counted", len(s.asked))
	}
}
