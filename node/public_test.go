package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"

	"warren/node/platform"
)

func TestPublicNamesAreLookedUp(t *testing.T) {
	p := newPublic(platform.Config{Public: []string{"hq.example:443", "192.0.2.1:41820"}}, slog.New(slog.DiscardHandler))
	if got := fmt.Sprint(p.endpoints()); got != "[192.0.2.1:41820]" {
		t.Errorf("before DNS: %s", got)
	}
	answer, fail := []netip.Addr{netip.MustParseAddr("198.51.100.7")}, false
	p.lookUp = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if host != "hq.example" {
			t.Errorf("asked for %s", host)
		}
		if fail {
			return nil, errors.New("no answer")
		}
		return answer, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	news := 0
	if err := p.run(ctx, func() { news++; cancel() }); err != nil || news != 1 {
		t.Fatalf("%d changes, %v", news, err)
	}
	want := "[192.0.2.1:41820 198.51.100.7:443 198.51.100.7:41820]"
	if got := fmt.Sprint(p.endpoints()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	fail = true
	if err := p.run(ctx, func() { t.Error("no answer is a change") }); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.endpoints()); got != want {
		t.Errorf("without an answer: %s, want what was known", got)
	}
}

func TestNothingToLookUp(t *testing.T) {
	here := newPublic(platform.Config{Loopback: true, Public: []string{"hq.example:443"}}, slog.New(slog.DiscardHandler))
	here.lookUp = nil // would panic
	if err := here.run(t.Context(), nil); err != nil || len(here.endpoints()) > 0 {
		t.Errorf("in loopback: %v, %v", here.endpoints(), err)
	}
	p := newPublic(platform.Config{Listen: "127.0.0.1:41900", Public: []string{"[2001:db8::1]:443"}}, slog.New(slog.DiscardHandler))
	p.lookUp = nil // would panic
	if err := p.run(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(p.endpoints()); got != "[[2001:db8::1]:443 [2001:db8::1]:41900]" {
		t.Errorf("got %s", got)
	}
}
