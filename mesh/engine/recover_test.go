package engine

import (
	"testing"
	"time"
)

// TestRestartWithTheSameKeysReconnects lets the side that did not restart
// try: it knows nothing, and its session keys are dead. For ten seconds after
// the last answer it trusts them.
func TestRestartWithTheSameKeysReconnects(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	b.echo(b.at(2200))
	a.mustSay(b.at(2200), "before")
	b.opts.Port = b.Port()
	b.end()
	b.run()
	b.apply(allowAll(), a)
	b.echo(b.at(2200))
	begin := time.Now()
	for time.Since(begin) < provedFor+2*time.Second {
		if err := a.says(within(t, time.Second), b.at(2200), "after"); err == nil {
			t.Logf("reconnected after %v", time.Since(begin))
			return
		}
	}
	t.Errorf("not reconnected after %v", time.Since(begin))
}

func TestRestartedSideReconnectsAtOnce(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	a.echo(a.at(2200))
	b.mustSay(a.at(2200), "before")
	b.opts.Port = b.Port()
	b.end()
	b.run()
	b.apply(allowAll(), a)
	begin := time.Now()
	b.mustSay(a.at(2200), "after")
	if d := time.Since(begin); d > time.Second {
		t.Errorf("took %v", d)
	}
}

func TestPeerMovesToAnotherPort(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	b.echo(b.at(2200))
	a.mustSay(b.at(2200), "before")
	b.end()
	b.run()
	b.apply(allowAll(), a)
	a.apply(allowAll(), b)
	b.echo(b.at(2200))
	ep, _ := b.Endpoints()
	pong, err := a.Ping(within(t, 5*time.Second), b.id)
	if err != nil || pong.Endpoint.Port() != ep[0].Port() {
		t.Errorf("pong %+v, %v; want port %d", pong, err, ep[0].Port())
	}
}

func TestBothOpenAtTheSameTime(t *testing.T) {
	for range 10 {
		a, b := pair(t, allowAll(), allowAll())
		done := make(chan error, 2)
		begin := time.Now()
		go func() { done <- a.Open(within(t, 5*time.Second), b.id) }()
		go func() { done <- b.Open(within(t, 5*time.Second), a.id) }()
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("open after %v", time.Since(begin))
		a.end()
		b.end()
	}
}

func TestRebindKeepsToLoopbackAndGoesOn(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	b.echo(b.at(2200))
	a.mustSay(b.at(2200), "before")
	b.sock.Rebind()
	time.Sleep(50 * time.Millisecond) // the bus tells of it
	if err := checkPinned(b.Port()); err != nil {
		t.Error(err)
	}
	a.mustSay(b.at(2200), "after")
}
