package engine

import (
	"net"
	"sync"
	"testing"
	"time"
)

// door stands before another and can fall silent: it keeps its connections and
// carries nothing more.
type door struct {
	net.Listener
	to string

	mu     sync.Mutex
	silent map[net.Conn]bool // the connections there are
	all    bool
}

// doorBefore puts one before each rendezvous.
func doorBefore(t *testing.T, m *member) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: l, to: m.offer.Doors[0], silent: map[net.Conn]bool{}}
	m.offer.Doors = []string{l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.pass(c)
		}
	}()
	return d
}

func (d *door) pass(c net.Conn) {
	defer c.Close()
	inside, err := net.Dial("tcp", d.to)
	if err != nil {
		return
	}
	defer inside.Close()
	d.mu.Lock()
	d.silent[c] = d.all
	d.mu.Unlock()
	done := make(chan struct{}, 2)
	carry := func(to, from net.Conn) {
		defer func() { done <- struct{}{} }()
		for b := make([]byte, 4096); ; {
			n, err := from.Read(b)
			if d.isSilent(c) {
				n = 0
			}
			if _, werr := to.Write(b[:n]); err != nil || werr != nil {
				return
			}
		}
	}
	go carry(inside, c)
	go carry(c, inside)
	<-done
}

func (d *door) isSilent(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.silent[c]
}

// fallSilent ends what there is, and what comes where it is for good.
func (d *door) fallSilent(forGood bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = forGood
	for c := range d.silent {
		d.silent[c] = true
	}
}

// hears waits until something has come through a rendezvous after a time.
func (m *machine) hears(h *member, after time.Time) {
	m.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if m.carriers.lastHeard(m.view.Load().regions.number[h.id]).After(after) {
			return
		}
	}
	m.t.Fatal("nothing came through the rendezvous")
}

// TestHomeFallsSilent has a home that goes on answering STUN and keeps its
// connections, and carries nothing any more.
func TestHomeFallsSilent(t *testing.T) {
	one, two := host(t, 1, "one"), host(t, 2, "two")
	all := []*member{one, two}
	doors := map[*member]*door{one: doorBefore(t, one), two: doorBefore(t, two)}
	a := start(t, 3, Options{Loopback: true})
	one.knows(all, a)
	two.knows(all, a)
	a.meet(all)
	home := a.atHome(all...)
	other := one
	if home == one {
		other = two
	}
	a.hears(home, time.Time{})
	if a.Home() != home.id {
		t.Fatal("it moved before anything was wrong")
	}
	begin := time.Now()
	doors[home].fallSilent(true)
	a.atHome(other)
	took := time.Since(begin)
	t.Logf("moved after %v", took)
	if took > 10*time.Second {
		t.Error("that is late")
	}
	// Its STUN is as near as ever.
	a.sock.ReSTUN("for a test")
	a.hears(other, time.Now().Add(homeHold/4))
	if a.Home() != other.id {
		t.Error("it went back to one that carries nothing")
	}
	doors[home].fallSilent(false)
	a.hears(home, time.Now())
	for begin := time.Now(); a.carriers.isGone(a.view.Load().regions.number[home.id]); time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 5*time.Second {
			t.Fatal("the first home is back, and still not worth being one")
		}
	}
}

// TestConnectionFallsSilent has no other home than the one to which the
// connection has died.
func TestConnectionFallsSilent(t *testing.T) {
	hq := host(t, 1, "hq")
	d := doorBefore(t, hq)
	a := start(t, 2, Options{Loopback: true})
	hq.knows([]*member{hq}, a)
	a.meet([]*member{hq})
	a.atHome(hq)
	a.hears(hq, time.Time{})
	begin := time.Now()
	d.fallSilent(false)
	a.hears(hq, begin.Add(time.Second))
	t.Logf("connected anew after %v", time.Since(begin))
	if home := a.Home(); home != hq.id {
		t.Errorf("home is %s", home)
	}
}
