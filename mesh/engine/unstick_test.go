package engine

import (
	"context"
	"testing"
	"time"

	"tailscale.com/ipn/ipnstate"
	"tailscale.com/tailcfg"
)

// A peer that keeps our receiving goroutine busy with what it has to answer
// does not stop us when we forget it, or begin its tunnel anew.
func TestPeerIsForgottenWhileItIsAnswered(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	a.echo(a.at(2200))
	b.mustSay(a.at(2200), "before")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	flooding := make(chan struct{})
	go func() {
		defer close(flooding)
		for ctx.Err() == nil {
			a.wg.Ping(b.addr, tailcfg.PingTSMP, 0, func(*ipnstate.PingResult) {})
			time.Sleep(20 * time.Microsecond)
		}
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			b.anew(a.key.Public())
			time.Sleep(20 * time.Millisecond)
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("removing a peer takes for ever")
	}
	cancel()
	<-flooding
	b.mustSay(a.at(2200), "after") // a goes on with keys that b forgot: b begins
}
