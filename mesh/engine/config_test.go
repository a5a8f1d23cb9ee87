package engine

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"warren/mesh/identity"
)

func TestApplyTwiceChangesNothing(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	b.echo(b.at(2200))
	c, err := a.Dial(within(t, 5*time.Second), "tcp", b.at(2200))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, changed := a.Endpoints()
	handshake := a.Peers()[0].LastHandshake
	for range 20 {
		a.apply(allowAll(), b)
		b.apply(allowAll(), a)
		if err := exchange(c, "still here"); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-changed:
		t.Error("endpoints changed")
	default:
	}
	if got := a.Peers()[0].LastHandshake; !got.Equal(handshake) {
		t.Errorf("handshake at %v, then at %v", handshake, got)
	}
}

func TestKeysStayOutOfLogs(t *testing.T) {
	var out bytes.Buffer
	o := Options{WireGuard: random32(), Disco: random32()}
	slog.New(slog.NewTextHandler(&out, nil)).Info("made engine", "options", o)
	for _, k := range [][32]byte{o.WireGuard, o.Disco} {
		for _, form := range []string{fmt.Sprint(k), fmt.Sprintf("%x", k), string(k[:])} {
			if strings.Contains(out.String(), form) {
				t.Errorf("key in log: %s", out.String())
			}
		}
	}
}

func TestPathKind(t *testing.T) {
	a := start(t, 1, Options{Loopback: true})
	for text, want := range map[string]Kind{
		"127.0.0.1:1":       KindLAN,
		"[::1]:1":           KindLAN,
		"[fe80::1%lo]:1":    KindLAN,
		"203.0.113.7:1":     KindDirect4,
		"[2001:db8:f::7]:1": KindDirect6,
	} {
		if got := a.PathKind(netip.MustParseAddrPort(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if got := a.PathKind(netip.AddrPort{}); got != KindNone {
		t.Errorf("no endpoint: %s", got)
	}
}

func TestImpossiblePeersAreLeftOut(t *testing.T) {
	a := start(t, 1, Options{Loopback: true})
	b := start(t, 2, Options{Loopback: true})
	good := b.peer()
	good.ID = identity.NodeID{0, 1} // first in order
	good.Addresses = []netip.Addr{testMesh.Address(good.ID), b.addr4}
	sameKey := Peer{ID: identity.NodeID{1}, WireGuard: good.WireGuard, Disco: random32()}
	sameAddr := Peer{ID: identity.NodeID{2}, WireGuard: random32(), Disco: random32(), Addresses: good.Addresses[1:]}
	notMine := Peer{ID: identity.NodeID{6}, WireGuard: random32(), Disco: random32(), Addresses: good.Addresses[:1]}
	single := Peer{ID: identity.NodeID{3}, WireGuard: random32(), Disco: random32()}
	sameNumber := Peer{ID: single.ID, WireGuard: random32(), Disco: random32()}
	sameNumber.ID[15]++
	mine := Peer{ID: identity.NodeID{4}, WireGuard: a.WireGuardPublic(), Disco: random32()}
	keyless := Peer{ID: identity.NodeID{5}}
	cfg := a.config(allowAll())
	cfg.Peers = []Peer{notMine, keyless, mine, sameNumber, single, sameAddr, sameKey, good}
	err := a.Apply(cfg)
	if err == nil {
		t.Fatal("want an error")
	}
	for _, p := range []Peer{notMine, sameKey, sameAddr, sameNumber, mine, keyless} {
		if !strings.Contains(err.Error(), p.ID.Short()) {
			t.Errorf("%s is not named in: %v", p.ID, err)
		}
	}
	if got := a.Peers(); len(got) != 2 || got[0].ID != good.ID || got[1].ID != single.ID {
		t.Errorf("kept %v, want the good and the single one", got)
	}
}

func TestEndpointsThatLeadIntoTheTunnelAreLeftOut(t *testing.T) {
	other := testMesh.Address(identity.NodeID{7})
	cfg := Config{
		Mesh:      testMesh,
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.77.0.1/32")},
		Peers: []Peer{{
			ID: identity.NodeID{1}, WireGuard: random32(), Disco: random32(),
			Addresses: []netip.Addr{netip.MustParseAddr("10.77.0.2")},
			Endpoints: []netip.AddrPort{
				netip.AddrPortFrom(other, 1),
				netip.MustParseAddrPort("10.77.0.1:1"),
				netip.MustParseAddrPort("10.77.0.2:1"),
				netip.MustParseAddrPort("0.0.0.0:1"),
				netip.MustParseAddrPort("192.0.2.1:0"),
				netip.MustParseAddrPort("224.0.0.1:1"),
				{},
				netip.MustParseAddrPort("192.0.2.1:1"),
				netip.MustParseAddrPort("127.0.0.1:1"),
			},
		}},
	}
	for loopback, want := range map[bool]string{
		false: "[192.0.2.1:1 127.0.0.1:1]",
		true:  "[127.0.0.1:1]",
	} {
		got, err := normalise(cfg, [32]byte{}, loopback)
		if err != nil {
			t.Fatal(err)
		}
		if s := fmt.Sprint(got.Peers[0].Endpoints); s != want {
			t.Errorf("loopback %v: %s, want %s", loopback, s, want)
		}
	}
}

func TestNobodySpeaksForOthers(t *testing.T) {
	peerWith := func(n byte, prefixes ...string) Peer {
		p := Peer{
			ID: identity.NodeID{n}, WireGuard: random32(), Disco: random32(),
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 77, 0, n})},
		}
		for _, s := range prefixes {
			p.AllowedIPs = append(p.AllowedIPs, netip.MustParsePrefix(s))
		}
		return p
	}
	cfg := Config{Mesh: testMesh, Addresses: []netip.Prefix{netip.MustParsePrefix("10.77.0.9/32")}}
	cfg.Peers = []Peer{
		peerWith(1, "10.77.0.1/32", "192.168.1.0/24"),
		peerWith(2, "192.168.1.0/24", "192.168.2.0/24", "0.0.0.0/0", "::/0", testMesh.Prefix().String(), "10.77.0.1/32", "10.77.0.8/31"),
	}
	got, err := normalise(cfg, [32]byte{}, false)
	if err == nil || strings.Count(err.Error(), "peer 02000000") != 6 {
		t.Errorf("want six complaints about peer 2: %v", err)
	}
	for i, want := range []string{"[10.77.0.1/32 192.168.1.0/24]", "[192.168.2.0/24]"} {
		if s := fmt.Sprint(got.Peers[i].AllowedIPs); s != want {
			t.Errorf("peer %d: %s, want %s", i+1, s, want)
		}
	}
}

// TestKeysMayMoveBetweenPeers exchanges the keys of two peers; magicsock
// panics, in a test, on a key that it knows under another number.
func TestKeysMayMoveBetweenPeers(t *testing.T) {
	a := start(t, 1, Options{Loopback: true})
	cfg := a.config(nil)
	x := Peer{ID: identity.NodeID{1}, WireGuard: random32(), Disco: random32()}
	y := Peer{ID: identity.NodeID{2}, WireGuard: random32(), Disco: random32()}
	cfg.Peers = []Peer{x, y}
	for range 2 {
		if err := a.Apply(cfg); err != nil {
			t.Fatal(err)
		}
		x.ID, y.ID = y.ID, x.ID
		cfg.Peers = []Peer{x, y}
	}
	cfg.Addresses = cfg.Addresses[:1] // and while this machine changes too
	x.ID, y.ID = y.ID, x.ID
	cfg.Peers = []Peer{x, y}
	if err := a.Apply(cfg); err != nil {
		t.Fatal(err)
	}
}
