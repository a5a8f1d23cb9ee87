//go:build linux

package node_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	ports "warren/mesh"
	"warren/mesh/engine"
	"warren/mesh/identity"
	"warren/node/home"
	"warren/node/plan"
	"warren/node/platform"
	"warren/node/port"
	"warren/node/view"
	"warren/scripts/soak/faulttest"
)

// TestFaultR21Flood sends malformed packets to every port of a controller, from
// outside, from a member inside the overlay and from a local user. It goes on:
// the same process, the live session through it, the same members, bounded
// memory.
func TestFaultR21Flood(t *testing.T) {
	run := faulttest.Begin(t, "R-21")
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	evil := m.join(hq, "evil")
	anna.must("ping", "hq")
	members := names(hq)
	talk := anna.talk("hq")
	talk.says("before")
	process := hq.proc
	before := resident(t, process.cmd.Process.Pid)

	each := run.Pick(5000, 100_000)
	evil.stop()
	flood := flooding{t: t, r: run.Rand(0), each: each, greetings: each / 20}
	flood.outside(hq, home.At(platform.Dir(evil.dir)))
	flood.socket(filepath.Join(hq.dir, "warren.sock"))
	flood.inside(hq, evil)

	for name, n := range flood.sent {
		run.Figure(name, n)
	}
	peak := resident(t, process.cmd.Process.Pid)
	run.Figure("resident_mib_before", before>>20)
	run.Figure("resident_mib_after", peak>>20)
	if process.ended() {
		t.Fatalf("the node ended:\n%s", process.text())
	}
	talk.says("after")
	talk.end()
	if now := names(hq); !slices.Equal(now, members) {
		t.Errorf("the members were %v and are %v", members, now)
	}
	most := 256 << 20
	if race { // the detector keeps shadows of all that was touched, several times its size
		most *= 4
	}
	if peak > before+most {
		t.Errorf("memory grew from %d to %d MiB", before>>20, peak>>20)
	}
	// Who was careful is served as before.
	evil.up()
	evil.must("ping", "hq")
	anna.must("shell", "hq", "--", "true")
	m.join(anna, "newcomer")
}

// names are the members as a machine lists them.
func names(o *machine) (out []string) {
	for _, d := range read[[]struct{ Name string }](o, "devices") {
		out = append(out, d.Name)
	}
	slices.Sort(out)
	return out
}

// resident is a process's memory in bytes.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(between(string(text), "VmRSS:", "\n"))
	kib, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// flooding sends each packets to a port, and fewer where a handshake goes
// before them.
type flooding struct {
	t               *testing.T
	r               *rand.Rand
	each, greetings int
	sent            map[string]int
}

// packet is junk that begins as something a port looks for.
func (f *flooding) packet() []byte {
	b := make([]byte, f.r.IntN(1400))
	for i := range b {
		b[i] = byte(f.r.Uint32())
	}
	begin := func(with ...byte) []byte { return append(slices.Clone(with), b...) }
	switch f.r.IntN(10) {
	case 0: // WireGuard's four types
		return begin(byte(1+f.r.IntN(4)), 0, 0, 0)
	case 1: // path discovery
		return begin([]byte("TS💬")...)
	case 2: // STUN
		return begin(0, byte(f.r.IntN(4)), byte(f.r.IntN(6)), byte(f.r.Uint32()), 0x21, 0x12, 0xa4, 0x42)
	case 3: // TLS
		return begin(22, 3, byte(f.r.IntN(4)), byte(f.r.Uint32()), byte(f.r.Uint32()), 1)
	case 4: // HTTP/2
		return begin([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")...)
	case 5: // HTTP/1
		return begin([]byte("POST /warren.v1.PeerService/Hello HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")...)
	case 6: // Geneve, as the packet relay speaks it
		return begin(0, 0, 0x7a, 0x12)
	case 7: // DTLS
		return begin(byte(20+f.r.IntN(5)), 0xfe, 0xfd)
	case 8: // memberlist's message types
		return begin(byte(f.r.IntN(16)))
	}
	return b
}

func (f *flooding) count(what string, n int) {
	if f.sent == nil {
		f.sent = map[string]int{}
	}
	f.sent[what] += n
}

// packets sends packets over one socket at a pace that the receiver can read.
func (f *flooding) packets(what string, n int, c net.Conn) {
	f.t.Helper()
	defer c.Close()
	for i := range n {
		_, _ = c.Write(f.packet()) // a closed port answers here
		if i%200 == 199 {
			time.Sleep(time.Millisecond)
		}
	}
	f.count(what, n)
}

// streams opens connections and writes junk until each is closed. A source
// that greets too often is turned away for a while.
func (f *flooding) streams(what string, n int, dial func() (net.Conn, error)) {
	f.t.Helper()
	for sent := 0; sent < n; {
		c, err := dial()
		for deadline := time.Now().Add(patience); err != nil; c, err = dial() {
			if time.Now().After(deadline) {
				f.t.Fatalf("%s, after %d: %v", what, sent, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		for range 1 + f.r.IntN(4) {
			sent++
			f.count(what, 1)
			if _, err := c.Write(f.packet()); err != nil {
				break
			}
		}
		_ = c.Close()
	}
}

// outside is what anybody can do who reaches the machine, and what a member
// can with its key.
func (f *flooding) outside(o *machine, member home.Home) {
	f.t.Helper()
	for i, what := range []string{"udp tunnel", "udp stun", "udp stun 2", "udp relay"} {
		c, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port+i)))
		if err != nil {
			f.t.Fatal(err)
		}
		f.packets(what, f.each, c)
	}
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port))
	f.streams("tcp", f.each, func() (net.Conn, error) { return net.DialTimeout("tcp", at, patience) })

	key, err := member.NodeKey()
	if err != nil {
		f.t.Fatal(err)
	}
	stranger, err := identity.NewNodeKey()
	if err != nil {
		f.t.Fatal(err)
	}
	peer, err := home.At(platform.Dir(o.dir)).NodeKey()
	if err != nil {
		f.t.Fatal(err)
	}
	for protocol, by := range map[string]identity.NodeKey{port.Enrol: stranger, port.Node: key} {
		f.streams("tls "+protocol, f.greetings, func() (net.Conn, error) {
			ctx, cancel := context.WithTimeout(f.t.Context(), patience)
			defer cancel()
			return port.Dial(ctx, by, peer.ID(), protocol, at)
		})
	}
	// Who has no key gets as far as the rendezvous, and not to Raft.
	anyone := func(protocol string) (*tls.Conn, error) {
		conf := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}} //nolint:gosec // the attacker does not care
		return tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", at, conf)
	}
	f.streams("tls rendezvous", f.greetings, func() (net.Conn, error) { return anyone("http/1.1") })
	for range f.greetings {
		f.count("tls "+port.Raft, 1)
		c, err := anyone(port.Raft)
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			f.t.Error("somebody without a key was answered at the Raft port")
		}
		_ = c.Close()
	}
}

// socket is what any local user can do.
func (f *flooding) socket(path string) {
	f.t.Helper()
	f.streams("local socket", f.each, func() (net.Conn, error) { return net.DialTimeout("unix", path, patience) })
}

// inside is what a member can do that speaks WireGuard and then nonsense: it
// takes the place of a machine with that machine's keys.
func (f *flooding) inside(o, evil *machine) {
	f.t.Helper()
	e, target, stop := f.takeOver(evil, o)
	defer stop()
	for what, p := range map[string]uint16{"overlay udp session": ports.SessionPort, "overlay udp gossip": ports.GossipPort} {
		c, err := e.Dial(f.t.Context(), "udp", netip.AddrPortFrom(target, p))
		if err != nil {
			f.t.Fatal(err)
		}
		f.packets(what, f.each, c)
	}
	for what, p := range map[string]uint16{"overlay tcp peer": ports.PeerPort, "overlay tcp gossip": ports.GossipPort} {
		f.streams(what, f.greetings, func() (net.Conn, error) {
			ctx, cancel := context.WithTimeout(f.t.Context(), patience)
			defer cancel()
			return e.Dial(ctx, "tcp", netip.AddrPortFrom(target, p))
		})
	}
}

// takeOver runs the tunnels of a machine whose node is down.
func (f *flooding) takeOver(o, to *machine) (e *engine.Engine, target netip.Addr, stop func()) {
	f.t.Helper()
	h := home.At(platform.Dir(o.dir))
	key, err := h.NodeKey()
	if err != nil {
		f.t.Fatal(err)
	}
	tunnel, err := h.EnsureTunnel()
	if err != nil {
		f.t.Fatal(err)
	}
	member, err := h.Member()
	if err != nil {
		f.t.Fatal(err)
	}
	id, err := member.MeshID()
	if err != nil {
		f.t.Fatal(err)
	}
	cache, err := view.Open(id, h.View())
	if err != nil {
		f.t.Fatal(err)
	}
	now := cache.Now()
	p, err := plan.For(plan.View{
		Revision: now.Revision, Log: now.Log, Policy: now.Policy,
		Keys: cache.Facts().Keys, Endpoints: cache.Facts().Endpoints, Now: time.Now(),
	}, plan.Self{ID: key.ID()})
	if err != nil {
		f.t.Fatal(err)
	}
	e, err = engine.New(engine.Options{
		Port: uint16(o.port), Mode: engine.ModeUserspace, Loopback: true, WireGuard: [32]byte(tunnel.WireGuard), Disco: [32]byte(tunnel.Disco),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = e.Run(ctx)
	}()
	if err := e.Apply(p.Mesh); err != nil {
		f.t.Fatal(err)
	}
	peer, err := home.At(platform.Dir(to.dir)).NodeKey()
	if err != nil {
		f.t.Fatal(err)
	}
	return e, id.Address(peer.ID()), func() {
		cancel()
		<-ended
	}
}
