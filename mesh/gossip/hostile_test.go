package gossip

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"warren/mesh"
	"warren/mesh/identity"
)

// attacker has the tunnel of machine n of the fleet, and software of its own.
type attacker struct {
	f *fleet
	n int
}

func (f *fleet) attacker(n int) *attacker {
	f.net.host(f.mesh.Address(f.ids[n]))
	return &attacker{f, n}
}

func (a *attacker) at() netip.AddrPort {
	return netip.AddrPortFrom(a.f.mesh.Address(a.f.ids[a.n]), mesh.GossipPort)
}

// packet sends a message to machine to.
func (a *attacker) packet(to int, message []byte) {
	label := append([]byte{kindLabel, 32}, a.f.mesh[:]...)
	a.f.net.send(a.at(), a.f.mesh.Address(a.f.ids[to]), append(label, message...))
}

// stream sends bytes on a stream to machine to, and gives what comes back.
func (a *attacker) stream(to int, body []byte) []byte {
	ctx, cancel := contextFor(5 * time.Second)
	defer cancel()
	c, err := a.f.net.dial(ctx, a.at(), a.f.mesh.Address(a.f.ids[to]))
	if err != nil {
		return nil
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	label := append([]byte{kindLabel, 32}, a.f.mesh[:]...)
	go func() { _, _ = c.Write(append(label, body...)) }()
	answer, _ := io.ReadAll(c)
	return answer
}

func versions() []byte { return []byte{1, 5, 2, 1, 1, 1} }

func packAlive(id identity.NodeID, in identity.MeshID, incarnation uint32, meta, vsn []byte) []byte {
	var p packer
	p.begin(kindAlive, 6)
	p.number("Incarnation", uint64(incarnation))
	p.text("Node", []byte(id.String()))
	p.text("Addr", in.Address(id).AsSlice())
	p.number("Port", mesh.GossipPort)
	p.text("Meta", meta)
	p.text("Vsn", vsn)
	return p
}

// calm waits until all who run see each other, but for the attacker.
func (f *fleet) calm(limit time.Duration, n int) time.Duration {
	f.t.Helper()
	return f.until(limit, "all see each other", func() bool {
		return f.all(func(m *machine) bool {
			up := 0
			for _, p := range m.pool.Picture() {
				if p.Online && p.ID != f.ids[n] {
					up++
				}
			}
			return up == len(f.machines)-2
		})
	})
}

// recorder keeps every packet.
type recorder struct {
	mu   sync.Mutex
	seen [][]byte
}

func (f *fleet) record() *recorder {
	r := &recorder{}
	f.net.mu.Lock()
	defer f.net.mu.Unlock()
	f.net.tap = func(_ netip.AddrPort, _ netip.Addr, b []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen = append(r.seen, bytes.Clone(b))
	}
	return r
}

// metaOf finds the last meta of id in what was recorded.
func (r *recorder) metaOf(f *fleet, id identity.NodeID) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := &guard{label: string(f.mesh[:])}
	for _, b := range slices.Backward(r.seen) {
		b, err := g.unlabel(b)
		if err != nil {
			continue
		}
		if b[0] == kindCRC {
			b = b[5:]
		}
		parts, _ := split(b)
		for _, p := range parts {
			if p[0] != kindAlive {
				continue
			}
			if m, err := readMessage(bytes.NewReader(p[1:])); err == nil && m.node == id.String() {
				return m.meta
			}
		}
	}
	return nil
}

// TestWithoutRecord: a machine that others hold no record of runs the whole
// program, and nobody lists it or tells it anything (S-02).
func TestWithoutRecord(t *testing.T) {
	simulate(t, 8, 21, func(t *testing.T, f *fleet) {
		stranger := 7
		for i := range stranger {
			m := f.start(i)
			m.unknown[f.ids[stranger]] = true
			m.apply()
		}
		f.start(stranger)
		time.Sleep(2 * time.Minute)
		for _, m := range f.machines[:stranger] {
			if _, ok := m.sees(f.ids[stranger]); ok || m.online() != stranger-1 {
				t.Errorf("machine %d sees %d, and the stranger: %v", m.n, m.online(), ok)
			}
			if m.pool.Stats().Strangers == 0 {
				t.Errorf("machine %d counted no stranger", m.n)
			}
		}
		if n := f.machines[stranger].online(); n != 0 {
			t.Errorf("the stranger sees %d machines", n)
		}
	})
}

// TestForgedAlive: a member cannot say of another what that did not say, nor
// take its word for its own (S-02).
func TestForgedAlive(t *testing.T) {
	simulate(t, 6, 22, func(t *testing.T, f *fleet) {
		r := f.record()
		for i := range 5 {
			f.start(i)
		}
		evil := f.attacker(5)
		f.calm(30*time.Second, 5)
		time.Sleep(10 * time.Second)
		victim := f.ids[1]
		genuine := r.metaOf(f, victim)
		if genuine == nil {
			t.Fatal("no meta was recorded")
		}
		before, _ := f.machines[0].sees(victim)
		own := seal(f.keys[5], f.mesh, meta{Told: Told{Head: headOf(99)}, counter: math.MaxUint64, ceiling: math.MaxUint32})
		altered := bytes.Clone(genuine)
		altered[60] ^= 1
		poison := []byte{5, 5, 5, 1, 1, 1}
		forgeries := map[string][]byte{
			"its own meta under the victim's name":  packAlive(victim, f.mesh, 9, own, versions()),
			"the victim's meta under its own name":  packAlive(f.ids[5], f.mesh, 9, genuine, versions()),
			"the victim's meta, altered":            packAlive(victim, f.mesh, 9, altered, versions()),
			"the victim's meta, highest number":     packAlive(victim, f.mesh, math.MaxUint32, genuine, versions()),
			"the victim's meta, a number too high":  packAlive(victim, f.mesh, 5000, genuine, versions()),
			"no meta":                               packAlive(victim, f.mesh, 9, nil, versions()),
			"a protocol that nobody speaks":         packAlive(f.ids[5], f.mesh, 9, own, poison),
			"a machine of no mesh":                  packAlive(testKey(9, 9).ID(), f.mesh, 9, own, versions()),
			"the receiver itself, with another say": packAlive(f.ids[0], f.mesh, 9, own, versions()),
		}
		for name, b := range forgeries {
			s := f.machines[0].pool.Stats()
			evil.packet(0, b)
			time.Sleep(time.Second)
			now := f.machines[0].pool.Stats()
			if now.Forged+now.Unknown+now.Malformed != s.Forged+s.Unknown+s.Malformed+1 {
				t.Errorf("%s: not refused", name)
			}
			after, _ := f.machines[0].sees(victim)
			if after != before || f.machines[0].online() != 4 {
				t.Errorf("%s: machine 0 sees %+v, and %d online", name, after, f.machines[0].online())
			}
		}
		// What it says of itself is its own affair, even in the highest numbers.
		evil.packet(0, packAlive(f.ids[5], f.mesh, 7, own, versions()))
		f.until(2*time.Second, "the attacker is listed", func() bool { p, _ := f.machines[0].sees(f.ids[5]); return p.Online })
	})
}

// TestForgedDeath: a member that says of others that they are dead, suspect or
// gone changes no more than a light, for seconds (S-02).
func TestForgedDeath(t *testing.T) {
	simulate(t, 10, 23, func(t *testing.T, f *fleet) {
		for i := range 9 {
			f.start(i)
		}
		evil := f.attacker(9)
		f.calm(30*time.Second, 9)
		time.Sleep(10 * time.Second)
		victim := f.ids[1]
		var worst time.Duration
		for _, incarnation := range []uint32{0, 1, 2, 3, 100, 257, 400, 100000, math.MaxUint32 - 1, math.MaxUint32} {
			for _, kind := range []byte{kindSuspect, kindDead} {
				for _, from := range []identity.NodeID{victim, f.ids[9], f.ids[3], f.ids[2]} {
					for to := range 9 {
						evil.packet(to, packAccusation(kind, incarnation, victim, from))
					}
					time.Sleep(100 * time.Millisecond)
				}
			}
			worst = max(worst, f.calm(30*time.Second, 9))
		}
		t.Logf("the victim was back %v after the last lie at most", worst)
		// As fast as is let through, for a minute, always one ahead.
		down := 0
		for range 600 {
			s := f.machines[1].pool.roster
			s.mu.Lock()
			incarnation := s.me.incarnation
			s.mu.Unlock()
			for to := range 9 {
				evil.packet(to, packAccusation(kindDead, incarnation, victim, f.ids[9]))
			}
			time.Sleep(100 * time.Millisecond)
			if p, _ := f.machines[0].sees(victim); !p.Online {
				down++
			}
		}
		t.Logf("shown as away in %d of 600 looks while the lies went on; back %v after", down, f.calm(30*time.Second, 9))
	})
}

// TestForgedList: lies in a push/pull fare no better (S-02).
func TestForgedList(t *testing.T) {
	simulate(t, 8, 24, func(t *testing.T, f *fleet) {
		for i := range 7 {
			f.start(i)
		}
		evil := f.attacker(7)
		f.calm(30*time.Second, 7)
		own := seal(f.keys[7], f.mesh, meta{counter: 1, ceiling: 1000})
		entry := func(id identity.NodeID, state uint64, incarnation uint32, raw []byte) []byte {
			var p packer
			p.fields(7)
			p.text("Name", []byte(id.String()))
			p.text("Addr", f.mesh.Address(id).AsSlice())
			p.number("Port", mesh.GossipPort)
			p.text("Meta", raw)
			p.number("Incarnation", uint64(incarnation))
			p.number("State", state)
			p.text("Vsn", versions())
			return p
		}
		list := func(entries ...[]byte) []byte {
			var p packer
			p.begin(kindPushPull, 3)
			p.number("Nodes", uint64(len(entries)))
			p.number("UserStateLen", 0)
			p.flag("Join", true)
			return append(p, bytes.Join(entries, nil)...)
		}
		self := entry(f.ids[7], stateAlive, 1, own)
		if answer := evil.stream(0, list(entry(f.ids[1], stateLeft, 1, own))); len(answer) > 0 {
			t.Errorf("a list without its sender was answered with %d bytes", len(answer))
		}
		lies := [][]byte{self}
		for i := range 7 {
			for _, state := range []uint64{stateAlive, stateSuspect, stateDead, stateLeft, 9} {
				lies = append(lies, entry(f.ids[i], state, math.MaxUint32, own), entry(f.ids[i], state, 40000, own))
			}
			lies = append(lies, entry(testKey(5, uint64(i)).ID(), stateAlive, 1, own))
		}
		if answer := evil.stream(0, list(lies...)); len(answer) == 0 {
			t.Error("a list with its sender got no answer")
		}
		time.Sleep(time.Second)
		if n := f.machines[0].online(); n != 7 { // six and the attacker
			t.Errorf("machine 0 sees %d online", n)
		}
		lies = [][]byte{self}
		for i := range 7 {
			lies = append(lies, entry(f.ids[i], stateLeft, 2, nil), entry(f.ids[i], stateDead, 2, nil))
		}
		evil.stream(0, list(lies...))
		t.Logf("back after %v", f.calm(30*time.Second, 7))
	})
}

// TestReplay: old words and old facts change nothing (S-02).
func TestReplay(t *testing.T) {
	simulate(t, 6, 25, func(t *testing.T, f *fleet) {
		r := f.record()
		for i := range 5 {
			f.start(i)
		}
		evil := f.attacker(5)
		f.calm(30*time.Second, 5)
		f.machines[1].holds(headOf(3))
		time.Sleep(10 * time.Second)
		old := r.metaOf(f, f.ids[1])
		f.machines[1].holds(headOf(8))
		time.Sleep(20 * time.Second)
		first, second := f.endpointsOf(1, 1, false), f.endpointsOf(1, 2, false)
		f.machines[1].say(first)
		time.Sleep(2 * time.Second)
		f.machines[1].say(second)
		time.Sleep(30 * time.Second)
		before := f.machines[0].pool.Stats()
		merged := before.Merged
		for i := range 20 {
			evil.packet(0, packAlive(f.ids[1], f.mesh, uint32(2+i), old, versions()))
			evil.packet(0, append([]byte{kindUser}, appendStatements(nil, encoded(t, first))...))
			time.Sleep(500 * time.Millisecond)
		}
		after := f.machines[0].pool.Stats()
		if p, _ := f.machines[0].sees(f.ids[1]); p.Head != headOf(8) || !p.Online {
			t.Errorf("machine 0 sees %+v", p)
		}
		if after.Replayed != before.Replayed+20 {
			t.Errorf("%d of 20 replays were counted", after.Replayed-before.Replayed)
		}
		if after.Merged != merged || f.machines[0].pool.queue.NumQueued() > 0 {
			t.Errorf("an old fact was news, or is passed on")
		}
		if e, _ := f.machines[0].dir.Endpoints(f.ids[1]); e.Counter != 2 {
			t.Errorf("the endpoints are those of counter %d", e.Counter)
		}
		f.machines[0].mu.Lock()
		defer f.machines[0].mu.Unlock()
		if len(f.machines[0].events) > 0 {
			t.Errorf("told of %+v", f.machines[0].events)
		}
	})
}

// TestReflection: nobody can have a member answer to, or ask of, somebody else
// in a third one's name.
func TestReflection(t *testing.T) {
	simulate(t, 5, 26, func(t *testing.T, f *fleet) {
		for i := range 4 {
			f.start(i)
		}
		evil := f.attacker(4)
		f.calm(30*time.Second, 4)
		time.Sleep(10 * time.Second)
		to := f.mesh.Address(f.ids[1])
		got := 0
		f.net.mu.Lock()
		f.net.tap = func(from netip.AddrPort, dst netip.Addr, b []byte) {
			if from.Addr() == f.mesh.Address(f.ids[0]) && dst == to && bytes.Contains(b, []byte("SeqNo\xce\x11\x22\x33\x44")) {
				got++
			}
		}
		f.net.mu.Unlock()
		for _, kind := range []byte{kindPing, kindIndirectPing} {
			var p packer
			p.begin(kind, 6)
			p.number("SeqNo", 0x11223344)
			node := f.ids[0]
			if kind == kindIndirectPing {
				node = f.ids[2]
			}
			p.text("Node", []byte(node.String()))
			p.text("Target", to.AsSlice())
			p.text("SourceAddr", to.AsSlice())
			p.number("SourcePort", mesh.GossipPort)
			p.text("SourceNode", []byte(f.ids[1].String()))
			evil.packet(0, p)
		}
		time.Sleep(3 * time.Second)
		if got > 0 {
			t.Errorf("%d packets were reflected", got)
		}
	})
}

// TestOtherSources: packets from addresses of nobody, and from ports that any
// user of a member's machine can open, are not read.
func TestOtherSources(t *testing.T) {
	simulate(t, 3, 30, func(t *testing.T, f *fleet) {
		f.start(0)
		f.start(1)
		f.until(10*time.Second, "join", func() bool { return f.machines[0].online() == 1 })
		victim := f.mesh.Address(f.ids[0])
		lie := packAccusation(kindDead, 1, f.ids[1], f.ids[1])
		b := append(append([]byte{kindLabel, 32}, f.mesh[:]...), lie...)
		outside := netip.MustParseAddr("2001:db8::1")
		f.net.host(outside)
		for _, from := range []netip.AddrPort{
			netip.AddrPortFrom(outside, mesh.GossipPort),
			netip.AddrPortFrom(f.mesh.Address(f.ids[1]), 40000),
		} {
			s := f.machines[0].pool.Stats().Strangers
			f.net.send(from, victim, b)
			time.Sleep(time.Second)
			if f.machines[0].pool.Stats().Strangers != s+1 || f.machines[0].online() != 1 {
				t.Errorf("a packet from %s was read", from)
			}
		}
		ctx, cancel := contextFor(time.Second)
		defer cancel()
		c, err := f.net.dial(ctx, netip.AddrPortFrom(outside, mesh.GossipPort), victim)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("a stream from outside stayed open: %v", err)
		}
	})
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
