package rendezvous_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go4.org/mem"
	"tailscale.com/derp"
	"tailscale.com/derp/derphttp"
	"tailscale.com/net/netmon"
	"tailscale.com/net/stun"
	"tailscale.com/types/key"
	"tailscale.com/types/logger"

	"warren/mesh"
	"warren/mesh/rendezvous"
)

// place is a Server that runs on loopback.
type place struct {
	*rendezvous.Server
	t    *testing.T
	cfg  rendezvous.Config
	door string // HOST:PORT, without TLS
}

// open draws ports until four in a row are free.
func open(t *testing.T) *place {
	t.Helper()
	for try := 0; ; try++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).AddrPort().Port()
		cfg := rendezvous.Config{Port: port, Loopback: true, Self: raw(key.NewNode()), Disco: rawDisco(key.NewDisco())}
		s, err := rendezvous.New(cfg)
		if err != nil {
			l.Close()
			if errors.Is(err, rendezvous.ErrPortTaken) && try < 50 {
				continue
			}
			t.Fatal(err)
		}
		p := &place{Server: s, t: t, cfg: cfg, door: l.Addr().String()}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx, l) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
		return p
	}
}

func raw(k key.NodePrivate) [32]byte { return k.Public().Raw32() } //nolint:staticcheck // the only way

func rawDisco(k key.DiscoPrivate) [32]byte { return k.Public().Raw32() } //nolint:staticcheck // nor here

// admit makes just these the members.
func (p *place) admit(keys ...key.NodePrivate) {
	var cfg mesh.Config
	for _, k := range keys {
		cfg.Peers = append(cfg.Peers, mesh.Peer{WireGuard: raw(k)})
	}
	p.Apply(cfg)
}

func (p *place) client(k key.NodePrivate) *derphttp.Client {
	p.t.Helper()
	c, err := derphttp.NewClient(k, "http://"+p.door+"/derp", logger.Discard, netmon.NewStatic())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

// greeted reports whether c got in: the server says who it is only to members.
func greeted(t *testing.T, c *derphttp.Client) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		return false
	}
	m, err := c.Recv()
	_, ok := m.(derp.ServerInfoMessage)
	return err == nil && ok
}

func TestMembersOnly(t *testing.T) {
	p := open(t)
	anna, ben, eve := key.NewNode(), key.NewNode(), key.NewNode()
	p.admit(anna, ben)
	a, b := p.client(anna), p.client(ben)
	if !greeted(t, a) || !greeted(t, b) {
		t.Fatal("a member was refused")
	}
	if greeted(t, p.client(eve)) {
		t.Error("a stranger got in")
	}
	if err := a.Send(ben.Public(), []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	m, err := b.Recv()
	if got, ok := m.(derp.ReceivedPacket); err != nil || !ok || got.Source != anna.Public() || string(got.Data) != "sealed" {
		t.Fatalf("ben got %#v, %v", m, err)
	}

	// Revoked: out at once, and not in again.
	p.admit(ben)
	if m, err := a.Recv(); err == nil {
		t.Errorf("who was revoked still gets %#v", m)
	}
	if greeted(t, p.client(anna)) {
		t.Error("who was revoked got in again")
	}
	if err := b.Send(anna.Public(), []byte("x")); err != nil {
		t.Errorf("the other one was thrown out too: %v", err)
	}
}

// TestKeyMustBeProven names a member's key without having it.
func TestKeyMustBeProven(t *testing.T) {
	p := open(t)
	anna, eve := key.NewNode(), key.NewNode()
	p.admit(anna)
	for name, c := range map[string]struct {
		claim key.NodePublic
		seal  key.NodePrivate
		want  bool
	}{
		"her own":     {anna.Public(), anna, true},
		"another's":   {anna.Public(), eve, false},
		"no member's": {eve.Public(), eve, false},
	} {
		t.Run(name, func(t *testing.T) {
			conn, br, server := p.upgrade(t)
			box := c.seal.SealTo(server, []byte(`{"version":2}`))
			greet(conn, derp.FrameClientInfo, append(c.claim.AppendTo(nil), box...))
			_, _, err := derp.ReadFrameHeader(br)
			if (err == nil) != c.want {
				t.Errorf("answer %v, want one: %v", err, c.want)
			}
		})
	}
	for name, frame := range map[string][]byte{
		"short":      bytes.Repeat([]byte{1}, derp.KeyLen),
		"huge":       make([]byte, 300<<10),
		"other kind": append(anna.Public().AppendTo(nil), make([]byte, 100)...),
	} {
		t.Run(name, func(t *testing.T) {
			conn, br, _ := p.upgrade(t)
			kind := derp.FrameClientInfo
			if name == "other kind" {
				kind = derp.FrameSendPacket
			}
			greet(conn, kind, frame)
			if _, _, err := derp.ReadFrameHeader(br); err == nil {
				t.Error("was answered")
			}
		})
	}
}

func greet(w io.Writer, kind derp.FrameType, body []byte) {
	head := []byte{byte(kind), byte(len(body) >> 24), byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}
	_, _ = w.Write(append(head, body...))
}

// upgrade gets as far as the server's key.
func (p *place) upgrade(t *testing.T) (net.Conn, *bufio.Reader, key.NodePublic) {
	t.Helper()
	conn, err := net.Dial("tcp", p.door)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET /derp HTTP/1.1\r\nHost: x\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n")
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil) //nolint:bodyclose // an upgrade has none
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v, %v", resp, err)
	}
	_, n, err := derp.ReadFrameHeader(br)
	if err != nil || n < uint32(len(derp.Magic)+derp.KeyLen) {
		t.Fatalf("server key of %d bytes, %v", n, err)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(br, body); err != nil {
		t.Fatal(err)
	}
	return conn, br, key.NodePublicFromRaw32(mem.B(body[len(derp.Magic):][:derp.KeyLen]))
}

func TestOneMemberHoldsFewConnections(t *testing.T) {
	p := open(t)
	anna := key.NewNode()
	p.admit(anna)
	in := 0
	for range 6 {
		if greeted(t, p.client(anna)) {
			in++
		}
	}
	if in != 3 {
		t.Errorf("%d connections of one member, want 3", in)
	}
}

// TestNothingElseIsServed tries to get past the handler by ways of writing a
// path.
func TestNothingElseIsServed(t *testing.T) {
	p := open(t)
	ask := func(target, upgrade string) int {
		conn, err := net.Dial("tcp", p.door)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, upgrade)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // goes with conn
		if err != nil {
			return 0
		}
		return resp.StatusCode
	}
	const up = "Upgrade: DERP\r\nConnection: Upgrade\r\n"
	for target, want := range map[string]int{
		"/derp/probe": 200, "/derp/latency-check": 200, "/derp": 101,
		"/": 404, "/derp/": 404, "//derp": 404, "/derp//probe": 404, "/x/../derp": 404, "/derp/../": 404, "/DERP": 404,
		"/derp?x=1": 404, "/derp;x": 404, "/%64erp": 404, "/derp%2fprobe": 404, "/derp/probe/": 404, "/debug/pprof/": 404,
		"/j": 404, "/warren.v1.ControllerService/Follow": 404, "http://x/derp": 404, "*": 404,
	} {
		if got := ask(target, up); got != want && !(want == 404 && got == 400) {
			t.Errorf("%s gives %d, want %d", target, got, want)
		}
	}
	for _, upgrade := range []string{"", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==\r\nSec-WebSocket-Version: 13\r\n"} {
		if got := ask("/derp", upgrade); got != http.StatusUpgradeRequired {
			t.Errorf("/derp with %q gives %d", upgrade, got)
		}
	}
	resp, err := http.Post("http://"+p.door+"/derp/probe", "text/plain", strings.NewReader("x"))
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a POST: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
}

func TestSTUNOnTwoPorts(t *testing.T) {
	p := open(t)
	for _, port := range p.cfg.STUN() {
		c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		id := stun.NewTxID()
		question := stun.Request(id)
		for _, noise := range [][]byte{[]byte("noise"), question[:len(question)-1], make([]byte, 1400)} {
			_, _ = c.Write(noise)
		}
		_, _ = c.Write(question)
		buf := make([]byte, 1500)
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got, seen, err := stun.ParseResponse(buf[:n])
		if err != nil || got != id || seen.String() != c.LocalAddr().String() {
			t.Errorf("answer %v %v, %v; want %v", got, seen, err, c.LocalAddr())
		}
		if n > len(question) {
			t.Errorf("an answer of %d bytes to a question of %d", n, len(question))
		}
	}
}

func TestTakenPorts(t *testing.T) {
	p := open(t)
	if s, err := rendezvous.New(p.cfg); !errors.Is(err, rendezvous.ErrPortTaken) {
		s.Close()
		t.Errorf("the same ports twice: %v", err)
	}
	next := p.cfg
	next.Port += 2 // STUN of the second is the relay of the first
	if s, err := rendezvous.New(next); !errors.Is(err, rendezvous.ErrPortTaken) {
		s.Close()
		t.Errorf("the relay's port: %v", err)
	}
}

// meeting makes n members with disco keys, the first of which is the rendezvous.
func (p *place) meeting(n int) (wireGuard [][32]byte, discos []key.DiscoPublic) {
	wireGuard, discos = [][32]byte{p.cfg.Self}, []key.DiscoPublic{key.DiscoPublicFromRaw32(mem.B(p.cfg.Disco[:]))}
	var cfg mesh.Config
	for range n - 1 {
		d := key.NewDisco()
		peer := mesh.Peer{WireGuard: raw(key.NewNode()), Disco: rawDisco(d)}
		cfg.Peers = append(cfg.Peers, peer)
		wireGuard, discos = append(wireGuard, peer.WireGuard), append(discos, d.Public())
	}
	p.Apply(cfg)
	return wireGuard, discos
}

func TestRelayAllocates(t *testing.T) {
	p := open(t)
	who, disco := p.meeting(200)
	way, err := p.Allocate(who[1], disco[1], disco[2])
	if err != nil || len(way.AddrPorts) != 1 || way.AddrPorts[0] != netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.cfg.Relay()) {
		t.Fatalf("got %+v, %v", way, err)
	}
	if same, err := p.Allocate(who[2], disco[1], disco[2]); err != nil || same.VNI != way.VNI {
		t.Errorf("the other end gets %+v, %v", same, err)
	}
	if _, err := p.Allocate(who[0], disco[0], disco[2]); err != nil {
		t.Errorf("the rendezvous itself: %v", err)
	}
	refused := 0
	for i := range 190 {
		if _, err := p.Allocate(who[1], disco[1], disco[3+i]); err != nil {
			refused++
		}
	}
	if refused < 100 {
		t.Errorf("one member got %d ways at once", 190-refused)
	}
	if _, err := p.Allocate(who[2], disco[2], disco[3]); err != nil {
		t.Errorf("another member pays for it: %v", err)
	}
}

// TestRelayIsForMembers has members ask for ways that are not theirs.
func TestRelayIsForMembers(t *testing.T) {
	p := open(t)
	who, disco := p.meeting(4)
	stranger := key.NewDisco().Public()
	for name, c := range map[string]struct {
		from [32]byte
		a, b key.DiscoPublic
	}{
		"with a stranger":     {who[1], disco[1], stranger},
		"a stranger with it":  {who[1], stranger, disco[1]},
		"two strangers":       {who[1], stranger, key.NewDisco().Public()},
		"for two others":      {who[1], disco[2], disco[3]},
		"with itself":         {who[1], disco[1], disco[1]},
		"by nobody":           {[32]byte{1}, disco[1], disco[2]},
		"with no key at all":  {who[1], disco[1], key.DiscoPublic{}},
		"with the rendezvous": {[32]byte{}, disco[0], disco[1]},
	} {
		if way, err := p.Allocate(c.from, c.a, c.b); err == nil {
			t.Errorf("%s: got %+v", name, way)
		}
	}
	p.Apply(mesh.Config{})
	if _, err := p.Allocate(who[1], disco[1], disco[2]); err == nil {
		t.Error("a member that was put out still gets a way")
	}
}
