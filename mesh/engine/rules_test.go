package engine

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tailscale.com/net/packet"
	"tailscale.com/wgengine/netstack/gro"

	"warren/mesh/filter"
)

func TestNothingIsAllowedByDefault(t *testing.T) {
	a, b := pair(t, nil, nil)
	b.echo(b.at(2200))
	if err := a.says(within(t, 500*time.Millisecond), b.at(2200), "hello"); err == nil {
		t.Fatal("got through without a rule")
	}
	// The path and the tunnel are there all the same.
	if err := a.Open(within(t, 5*time.Second), b.id); err != nil {
		t.Fatal(err)
	}
	// One port opens to one machine, and replies need no rule on the other side.
	b.apply(&filter.Rules{List: []filter.Rule{{
		Srcs:     []netip.Prefix{netip.PrefixFrom(a.addr, 128)},
		Dsts:     []netip.Prefix{netip.PrefixFrom(b.addr, 128)},
		Protocol: filter.TCP, Ports: filter.Port(2200),
	}}}, a)
	a.mustSay(b.at(2200), "hello")
	b.echo(b.at(2201))
	if err := a.says(within(t, 500*time.Millisecond), b.at(2201), "hello"); err == nil {
		t.Error("got through to a port without a rule")
	}
	b.echo(netip.AddrPortFrom(b.addr4, 2200))
	if err := a.says(within(t, 500*time.Millisecond), netip.AddrPortFrom(b.addr4, 2200), "hello"); err == nil {
		t.Error("got through to an address without a rule")
	}
}

func TestNewRulesCutOpenConnections(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	for _, at := range []netip.Addr{b.addr, b.addr4} {
		b.apply(allowAll(), a)
		to := netip.AddrPortFrom(at, 2200)
		b.echo(to)
		c, err := a.Dial(within(t, 5*time.Second), "tcp", to)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := exchange(c, "before"); err != nil {
			t.Fatal(err)
		}
		// A rule more does not hurt.
		more := allowAll()
		more.List = append(more.List, more.List[0])
		b.apply(more, a)
		if err := exchange(c, "during"); err != nil {
			t.Fatal(err)
		}
		b.apply(nil, a)
		begin := time.Now()
		if err = exchange(c, "after"); err == nil {
			t.Fatal("the connection outlived its rule")
		}
		if !strings.Contains(err.Error(), "reset") {
			t.Errorf("want a reset, got: %v after %v", err, time.Since(begin))
		}
	}
}

// TestOwnConnectionsOutliveTheRules is the other half: what b began itself
// needs no rule of b's.
func TestOwnConnectionsOutliveTheRules(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	a.echo(a.at(2200))
	c, err := b.Dial(within(t, 5*time.Second), "tcp", a.at(2200))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b.apply(nil, a)
	if err := exchange(c, "still"); err != nil {
		t.Error(err)
	}
}

func TestNewRulesCutDatagrams(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	pc, err := b.ListenPacket(b.at(2300))
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	go bounce(pc)
	c, err := a.Dial(within(t, 5*time.Second), "udp", b.at(2300))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := exchange(c, "before"); err != nil {
		t.Fatal(err)
	}
	b.apply(nil, a)
	if err := exchangeWithin(c, "after", time.Second); err == nil {
		t.Error("datagrams pass without a rule")
	}
}

func TestRemovedPeerIsCutOffAtOnce(t *testing.T) {
	a, b := pair(t, allowAll(), allowAll())
	b.echo(b.at(2200))
	c, err := a.Dial(within(t, 5*time.Second), "tcp", b.at(2200))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := exchange(c, "before"); err != nil {
		t.Fatal(err)
	}
	b.apply(allowAll())
	c.SetDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := io.WriteString(c, "after"); err == nil {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("still answered")
		}
	}
	if _, err := a.Ping(within(t, time.Second), b.id); !errors.Is(err, ErrNoPath) {
		t.Errorf("ping of one who dropped us: %v, want ErrNoPath", err)
	}
	if n := len(b.Peers()); n != 0 {
		t.Errorf("%d peers left", n)
	}
	b.apply(allowAll(), a)
	begin := time.Now()
	a.mustSay(b.at(2200), "again")
	t.Logf("back after %v", time.Since(begin))
}

func TestFlowsForgetTheOldest(t *testing.T) {
	var s flows
	to := netip.MustParseAddrPort("10.0.0.1:22")
	at := func(i int) flow {
		return flow{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1), to}
	}
	for i := range maxFlows + 10 {
		s.began(at(i))
	}
	if len(s.open) != maxFlows || len(s.ring) != maxFlows {
		t.Errorf("remembers %d and %d, want %d", len(s.open), len(s.ring), maxFlows)
	}
	s.review(nil)
	if s.isCut(at(9)) || !s.isCut(at(10)) || !s.isCut(at(maxFlows+9)) {
		t.Error("cut the wrong ones")
	}
	s.began(at(10)) // the same ports again, let in by newer rules
	if s.isCut(at(10)) || !s.isCut(at(11)) {
		t.Error("a new connection is not cut, others stay cut")
	}
	s.review(allowAll())
	if s.cut.Load() != nil {
		t.Error("nothing is cut once all is allowed")
	}
}

func TestResetsAreWellFormed(t *testing.T) {
	for _, pair := range [][2]string{{"10.0.0.1:1", "10.0.0.2:2"}, {"[fd00::1]:1", "[fd00::2]:2"}} {
		from, to := netip.MustParseAddrPort(pair[0]), netip.MustParseAddrPort(pair[1])
		var p packet.Parsed
		p.Decode(reset(from, to, 0xfffefdfc))
		if p.Src != from || p.Dst != to || p.TCPFlags != packet.TCPRst {
			t.Errorf("made %v with flags %v", &p, p.TCPFlags)
		}
		if gro.RXChecksumOffload(&p) == nil {
			t.Errorf("%v: wrong checksum", &p)
		}
	}
}
