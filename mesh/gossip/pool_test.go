package gossip

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"warren/mesh/identity"
)

func sizes() []int {
	if testing.Short() {
		return []int{5, 30}
	}
	return []int{5, 30, 100}
}

// TestPoolConverges is the life of a pool: all join, a statement reaches all,
// one dies and is noticed, one is revoked and is gone.
func TestPoolConverges(t *testing.T) {
	for _, n := range sizes() {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			simulate(t, n, 1, func(t *testing.T, f *fleet) {
				f.startAll()
				most := f.until(8*time.Second, "most join", func() bool { return f.pairs() >= 0.99 })
				join := most + f.until(time.Minute, "all join", func() bool { return f.pairs() == 1 })
				time.Sleep(30 * time.Second)
				f.honest()
				s := f.endpointsOf(1, 7, false)
				f.machines[1].say(s)
				spread := f.until(2*time.Second, "an endpoint statement", func() bool {
					return f.all(func(m *machine) bool { return m.has(s) })
				})
				f.machines[n-1].crash()
				noticed := f.until(20*time.Second, "a crash", func() bool {
					return f.all(func(m *machine) bool { return m.online() == n-2 })
				})
				r := f.revocation(2)
				f.machines[3].say(r)
				gone := f.until(5*time.Second, "a revocation", func() bool {
					return f.all(func(m *machine) bool { return m.n == 2 || m.has(r) })
				})
				if !f.all(func(m *machine) bool { _, ok := m.sees(f.ids[2]); return m.n == 2 || !ok }) {
					t.Error("a revoked machine is in a picture")
				}
				longest := f.net.longestPacket()
				if longest > 1232 {
					t.Errorf("a packet of %d bytes does not fit the tunnel", longest)
				}
				t.Logf("%d machines: join 99 %% %v, all %v, statement %v, crash %v, revocation %v; longest packet %d",
					n, most, join, spread, noticed, gone, longest)
			})
		})
	}
}

// TestIdleCost measures what a pool costs when nothing happens, and bounds it
// loosely: it is twice what was measured.
func TestIdleCost(t *testing.T) {
	n := slices.Max(sizes())
	simulate(t, n, 2, func(t *testing.T, f *fleet) {
		f.startAll()
		f.until(time.Minute, "all join", func() bool { return f.pairs() == 1 })
		time.Sleep(time.Minute)
		f.net.mu.Lock()
		packets, size, streamed := f.net.packets, f.net.bytes, f.net.streamed
		f.net.mu.Unlock()
		time.Sleep(3 * time.Minute)
		f.net.mu.Lock()
		defer f.net.mu.Unlock()
		per := func(now, before int) float64 { return float64(now-before) / 180 / float64(n) }
		t.Logf("%d machines idle, each: %.1f packets/s, %.0f B/s in packets, %.0f B/s in streams", n,
			per(f.net.packets, packets), per(f.net.bytes, size), per(f.net.streamed, streamed))
		if p := per(f.net.packets, packets); p > 6 {
			t.Errorf("%.1f packets a second of each", p)
		}
		if b := per(f.net.bytes, size) + per(f.net.streamed, streamed); b > 5000 {
			t.Errorf("%.0f bytes a second of each", b)
		}
	})
}

// TestLoss: lost packets make nobody dead, and the dead are noticed.
func TestLoss(t *testing.T) {
	n := 30
	simulate(t, n, 3, func(t *testing.T, f *fleet) {
		f.net.loss = 0.03
		f.startAll()
		f.until(time.Minute, "all join", func() bool { return f.pairs() == 1 })
		flaps := 0
		for range 2400 {
			if f.pairs() < 1 {
				flaps++
			}
			time.Sleep(50 * time.Millisecond)
		}
		if flaps > 0 {
			t.Errorf("somebody was taken for dead in %d of 2,400 looks", flaps)
		}
		s := f.endpointsOf(4, 3, false)
		f.machines[4].say(s)
		spread := f.until(2*time.Second, "a statement", func() bool { return f.all(func(m *machine) bool { return m.has(s) }) })
		f.machines[0].crash()
		noticed := f.until(20*time.Second, "a crash", func() bool {
			return f.all(func(m *machine) bool { return m.online() == n-2 })
		})
		t.Logf("3 %% loss: statement %v, crash %v", spread, noticed)
	})
}

// TestLeave: who ends in order is known to be away at once, and comes back.
func TestLeave(t *testing.T) {
	simulate(t, 12, 4, func(t *testing.T, f *fleet) {
		f.startAll()
		f.until(10*time.Second, "join", func() bool { return f.pairs() == 1 })
		m := f.machines[5]
		began := time.Now()
		m.stop()
		if err := <-m.ended; err != nil {
			t.Error(err)
		}
		m.ended = nil
		ended := time.Since(began)
		f.until(2*time.Second, "the others know", func() bool { return f.pairs() == 1 })
		time.Sleep(10 * time.Second)
		f.start(5)
		back := f.until(5*time.Second, "it is back", func() bool { return f.pairs() == 1 })
		t.Logf("left in %v, back in %v", ended, back)
		if ended > 3*time.Second {
			t.Errorf("leaving took %v", ended)
		}
	})
}

// TestRestart: a machine that died without a word and starts again is heard
// although its numbers begin anew.
func TestRestart(t *testing.T) {
	simulate(t, 12, 5, func(t *testing.T, f *fleet) {
		f.startAll()
		f.until(10*time.Second, "join", func() bool { return f.pairs() == 1 })
		var worst time.Duration
		for i := range 12 {
			n := i % 4
			f.machines[n].mu.Lock()
			f.machines[n].head = headOf(uint64(10 + i)) // so that it has more to say each time
			f.machines[n].mu.Unlock()
			f.machines[n].crash()
			time.Sleep(time.Duration(i) * 2 * time.Second)
			f.start(n)
			worst = max(worst, f.until(30*time.Second, "it is back", func() bool {
				return f.pairs() == 1 && f.all(func(m *machine) bool {
					p, _ := m.sees(f.ids[n])
					return m.n == n || p.Head == f.machines[n].head
				})
			}))
		}
		t.Logf("back in %v at most", worst)
	})
}

// TestPartition: two halves forget each other and heal, a revocation made on
// one side crosses, and the revoked one never comes back.
func TestPartition(t *testing.T) {
	n, apart := 30, 10*time.Minute
	simulate(t, n, 6, func(t *testing.T, f *fleet) {
		f.startAll()
		f.until(30*time.Second, "join", func() bool { return f.pairs() == 1 })
		left := func(a netip.Addr) bool { return slices.Index(f.ids, f.book[a]) < n/2 }
		f.net.partition(left)
		time.Sleep(apart / 2)
		r := f.revocation(1)
		f.machines[2].say(r)
		time.Sleep(apart / 2)
		for _, m := range f.machines {
			if m.n >= n/2 && (m.has(r) || m.online() != n/2-1) {
				t.Fatalf("machine %d sees %d, and the revocation: %v", m.n, m.online(), m.has(r))
			}
		}
		f.net.partition(nil)
		crossed := f.until(10*time.Second, "the revocation crosses", func() bool {
			return f.all(func(m *machine) bool { return m.n == 1 || m.has(r) })
		})
		healed := crossed + f.until(30*time.Second, "all meet", func() bool {
			return f.all(func(m *machine) bool { return m.n == 1 || m.online() == n-2 })
		})
		t.Logf("revocation crossed %v after the heal, all met after %v", crossed, healed)
		for cycle := range 10 {
			f.net.partition(left)
			time.Sleep(40 * time.Second)
			f.net.partition(nil)
			for range 200 {
				time.Sleep(100 * time.Millisecond)
				if !f.all(func(m *machine) bool { _, ok := m.sees(f.ids[1]); return m.n == 1 || !ok }) {
					t.Fatalf("cycle %d: a revoked machine is in a picture", cycle)
				}
			}
			if got := f.machines[1].online(); got > 0 && cycle > 0 {
				t.Errorf("cycle %d: the revoked machine sees %d online", cycle, got)
			}
		}
	})
}

// TestManyRevocations: one node revokes many at once.
func TestManyRevocations(t *testing.T) {
	const n, many = 30, 100
	simulate(t, n, 18, func(t *testing.T, f *fleet) {
		f.startAll()
		f.until(30*time.Second, "join", func() bool { return f.pairs() == 1 })
		for i := range many { // machines that were never up
			f.machines[0].say(f.revocationOf(testKey(99, uint64(i)).ID()))
		}
		took := f.until(10*time.Second, "all are known", func() bool {
			return f.all(func(m *machine) bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.held) == many })
		})
		t.Logf("%d revocations to %d machines: %v", many, n, took)
	})
}

// TestStar: a policy lets devices meet controllers and technicians only. What
// a technician revokes with every controller dead reaches the devices.
func TestStar(t *testing.T) {
	const controllers, technicians, n = 3, 2, 40
	simulate(t, n, 7, func(t *testing.T, f *fleet) {
		f.meets = func(a, b int) bool { return min(a, b) < controllers+technicians }
		f.startAll()
		peers := func(m *machine) int {
			if m.n < controllers+technicians {
				return n - 1
			}
			return controllers + technicians
		}
		join := f.until(30*time.Second, "join", func() bool {
			return f.all(func(m *machine) bool { return m.online() == peers(m) })
		})
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			if !f.all(func(m *machine) bool { return m.online() == peers(m) }) {
				t.Fatal("somebody was taken for dead")
			}
		}
		for i := range controllers {
			f.machines[i].crash()
		}
		noticed := f.until(45*time.Second, "the controllers are missed", func() bool {
			return f.all(func(m *machine) bool { return m.online() == peers(m)-controllers })
		})
		r := f.revocation(n - 1)
		f.machines[controllers].say(r)
		spread := f.until(10*time.Second, "a revocation", func() bool {
			return f.all(func(m *machine) bool { return m.n == n-1 || m.has(r) })
		})
		t.Logf("join %v, controllers missed %v, revocation %v", join, noticed, spread)
	})
}

// TestOversize: a statement too long for a packet gets everywhere, and is
// counted; also where most meet a few only.
func TestOversize(t *testing.T) {
	for name, meets := range map[string]func(a, b int) bool{
		"all meet": nil,
		"star":     func(a, b int) bool { return min(a, b) < 3 },
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 20, 8, func(t *testing.T, f *fleet) {
				f.meets = meets
				f.startAll()
				time.Sleep(30 * time.Second)
				s := f.endpointsOf(13, 9, true)
				if n := proto.Size(s); n <= MaxBroadcast {
					t.Fatalf("a statement of %d bytes is not oversize", n)
				}
				f.machines[13].say(s)
				spread := f.until(5*time.Second, "an oversize statement", func() bool {
					return f.all(func(m *machine) bool { return m.has(s) })
				})
				if f.machines[13].pool.Stats().Oversize != 1 {
					t.Error("it was not counted")
				}
				t.Logf("%d bytes to 20 machines: %v", proto.Size(s), spread)
			})
		})
	}
}

// TestLateComer gets all statements that were spread before it came, and
// brings what nobody had.
func TestLateComer(t *testing.T) {
	n := 20
	simulate(t, n, 9, func(t *testing.T, f *fleet) {
		for i := range n - 1 {
			f.start(i)
		}
		f.until(10*time.Second, "join", func() bool { return f.pairs() == 1 })
		for i := range n - 1 {
			f.machines[i].say(f.keysOf(i))
			f.machines[i].say(f.endpointsOf(i, 2, i%3 == 0))
		}
		f.machines[0].say(f.revocation(4))
		time.Sleep(10 * time.Second)
		late := f.start(n - 1)
		s := f.keysOf(n - 1)
		if _, err := late.merge(s); err != nil { // and does not broadcast it
			t.Fatal(err)
		}
		took := f.until(5*time.Second, "it has all", func() bool {
			return len(late.dir.All()) == 2*(n-2)+1
		})
		f.until(5*time.Second, "it knows who is out", func() bool { _, ok := late.sees(f.ids[4]); return !ok })
		others := f.until(time.Minute, "the others have its keys", func() bool {
			return f.all(func(m *machine) bool { return m.n == 4 || m.has(s) })
		})
		t.Logf("%d statements in %v; its own with the others after %v", 2*(n-2)+1, took, others)
	})
}

// TestRecordComesLater: a member whose record some have not seen is met by
// them soon after they have.
func TestRecordComesLater(t *testing.T) {
	simulate(t, 12, 10, func(t *testing.T, f *fleet) {
		f.startAll()
		for _, m := range f.machines[6:11] {
			m.mu.Lock()
			m.unknown[f.ids[11]] = true
			m.mu.Unlock()
			m.apply()
		}
		time.Sleep(20 * time.Second)
		for _, m := range f.machines[6:11] {
			if _, ok := m.sees(f.ids[11]); ok {
				t.Errorf("machine %d sees a machine it knows no record of", m.n)
			}
			m.mu.Lock()
			clear(m.unknown)
			m.mu.Unlock()
			m.apply()
		}
		took := f.until(10*time.Second, "all meet", func() bool { return f.pairs() == 1 })
		t.Logf("met %v after the record came", took)
	})
}

// TestBehind: who hears of a longer log, a newer policy or more revocations
// fetches them, with few calls.
func TestBehind(t *testing.T) {
	n := 30
	simulate(t, n, 11, func(t *testing.T, f *fleet) {
		f.startAll()
		f.until(30*time.Second, "join", func() bool { return f.pairs() == 1 })
		m := f.machines[7]
		m.mu.Lock()
		m.head, m.policy = headOf(40), 3
		m.mu.Unlock()
		m.apply()
		took := f.until(30*time.Second, "all have the log", func() bool {
			return f.all(func(m *machine) bool { m.mu.Lock(); defer m.mu.Unlock(); return m.head == headOf(40) && m.policy == 3 })
		})
		told := took + f.until(time.Minute, "all say so", func() bool {
			return f.all(func(m *machine) bool {
				return !slices.ContainsFunc(m.pool.Picture(), func(p Member) bool { return p.Head.Entries != 40 })
			})
		})
		calls := 0
		for _, m := range f.machines {
			calls += len(m.asked)
		}
		t.Logf("log %v, all heads equal %v, %d calls", took, told, calls)
		if calls > 2*n {
			t.Errorf("%d calls for %d machines", calls, n)
		}
	})
}

// TestBehindInVain: a peer that holds what cannot be had is asked ever less.
func TestBehindInVain(t *testing.T) {
	simulate(t, 3, 12, func(t *testing.T, f *fleet) {
		f.startAll()
		f.until(10*time.Second, "join", func() bool { return f.pairs() == 1 })
		m := f.machines[0]
		m.deaf = true
		f.machines[2].holds(headOf(9))
		time.Sleep(10 * time.Minute)
		m.mu.Lock()
		defer m.mu.Unlock()
		t.Logf("%d calls in ten minutes", len(m.asked))
		if n := len(m.asked); n < 3 || n > 16 {
			t.Errorf("%d calls in ten minutes, want some and not many", n)
		}
	})
}

// TestEvents: heads that go back or do not fit are told, once.
func TestEvents(t *testing.T) {
	simulate(t, 3, 13, func(t *testing.T, f *fleet) {
		odd := Head{Hash: [32]byte{1}, Entries: 12}
		for i := range 3 {
			f.start(i).holds(headOf(20))
		}
		f.machines[1].deaf = true
		f.until(10*time.Second, "join", func() bool { return f.pairs() == 1 })
		time.Sleep(10 * time.Second)
		f.machines[1].holds(headOf(12))
		time.Sleep(10 * time.Second)
		f.machines[1].holds(odd)
		time.Sleep(30 * time.Second)
		for _, i := range []int{0, 2} {
			m := f.machines[i]
			m.mu.Lock()
			want := []Event{
				{Kind: HeadBackwards, Node: f.ids[1], Was: headOf(20), Now: headOf(12)},
				{Kind: HeadForked, Node: f.ids[1], Was: headOf(20), Now: odd},
			}
			if !slices.Equal(m.events, want) {
				t.Errorf("machine %d was told %+v", i, m.events)
			}
			m.mu.Unlock()
		}
	})
}

// TestPicture: peers that never came are in it, and Watch tells of changes.
func TestPicture(t *testing.T) {
	simulate(t, 3, 14, func(t *testing.T, f *fleet) {
		m := f.start(0)
		time.Sleep(30 * time.Second)
		before := m.pool.Picture()
		if len(before) != 2 || before[0].Online || !before[0].Since.IsZero() {
			t.Errorf("picture of who is alone: %+v", before)
		}
		if !slices.IsSortedFunc(before, func(a, b Member) int { return bytes.Compare(a.ID[:], b.ID[:]) }) {
			t.Error("not sorted")
		}
		watch := m.pool.Watch()
		select {
		case <-watch:
			t.Error("told of no change")
		default:
		}
		began := time.Now()
		f.start(1)
		<-watch
		f.until(2*time.Second, "it came", func() bool { p, _ := m.sees(f.ids[1]); return p.Online })
		p, _ := m.sees(f.ids[1])
		if p.Roles != Device || p.Head != headOf(1) || p.Since.Before(began) {
			t.Errorf("it is shown as %+v", p)
		}
	})
}

// TestSocketFails: Run says so, and ends.
func TestSocketFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, 15)
		f.startAll()
		f.until(10*time.Second, "join", func() bool { return f.pairs() == 1 })
		m := f.machines[0]
		m.host.Close()
		if err := <-m.ended; err == nil {
			t.Error("no error")
		}
		m.ended = nil
		f.stopAll()
	})
}

func TestNewRefuses(t *testing.T) {
	f := newFleet(t, 1, 16)
	f.start(0)
	good := f.machines[0].pool.cfg
	f.machines[0].stop()
	<-f.machines[0].ended
	for name, change := range map[string]func(*Config){
		"no key":     func(c *Config) { c.Key = identity.NodeKey{} },
		"no mesh":    func(c *Config) { c.Mesh = identity.MeshID{} },
		"no packets": func(c *Config) { c.Packets = nil },
		"no member":  func(c *Config) { c.Member = nil },
		"no merge":   func(c *Config) { c.Merge = nil },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBroadcastRefuses(t *testing.T) {
	f := newFleet(t, 1, 17)
	f.start(0)
	defer f.stopAll()
	invite, err := identity.Sign(identity.TypeInvite, f.keysOf(0), f.admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.machines[0].pool.Broadcast(invite); err == nil {
		t.Error("an invite was taken")
	}
	long, err := identity.Sign(identity.TypeRevocation, f.endpointsOf(0, 1, true), f.admin, f.keys[0].Signer())
	if err != nil {
		t.Fatal(err)
	}
	long.Payload = append(long.Payload, make([]byte, MaxStatement)...)
	if err := f.machines[0].pool.Broadcast(long); err == nil {
		t.Error("an endless statement was taken")
	}
}
