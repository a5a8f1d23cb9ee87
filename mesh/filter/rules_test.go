package filter

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"tailscale.com/net/packet"
	"tailscale.com/types/ipproto"
	wgfilter "tailscale.com/wgengine/filter"
)

var everything = []netip.Prefix{netip.MustParsePrefix("::/0"), netip.MustParsePrefix("0.0.0.0/0")}

// TestCompiledRulesMeanWhatRulesMean compares the library's filter with the
// naive evaluator, on small networks so that rules and packets meet often.
func TestCompiledRulesMeanWhatRulesMean(t *testing.T) {
	const seed = 41820
	rng := rand.New(rand.NewPCG(seed, seed))
	allowed, checked := 0, 0
	for range 300 {
		rules := randomRules(rng)
		f, err := Compile(rules, everything, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			four := rng.IntN(2) == 0
			src, dst := randomAddr(rng, four), randomAddr(rng, four)
			proto := Protocol(1 + rng.IntN(3))
			port := uint16(rng.IntN(8))
			want := rules.Allows(src, dst, proto, port)
			checked++
			if want {
				allowed++
			}
			got := f.Check(src, dst, port, number(proto, four)) == wgfilter.Accept
			if got != want {
				t.Fatalf("%s -> %s %s %d: compiled says %v, rules say %v\n%+v", src, dst, proto, port, got, want, rules.List)
			}
		}
	}
	if allowed < checked/10 || allowed > checked*9/10 {
		t.Errorf("%d of %d allowed: the test tests little", allowed, checked)
	}
}

func number(p Protocol, four bool) ipproto.Proto {
	switch {
	case p == TCP:
		return ipproto.TCP
	case p == UDP:
		return ipproto.UDP
	case four:
		return ipproto.ICMPv4
	}
	return ipproto.ICMPv6
}

func randomRules(rng *rand.Rand) *Rules {
	r := &Rules{}
	for range rng.IntN(8) {
		first := uint16(rng.IntN(8))
		r.List = append(r.List, Rule{
			Srcs: randomPrefixes(rng), Dsts: randomPrefixes(rng),
			Protocol: Protocol(rng.IntN(4)),
			Ports:    Ports{first, first + uint16(rng.IntN(8))},
		})
	}
	return r
}

func randomPrefixes(rng *rand.Rand) []netip.Prefix {
	var out []netip.Prefix
	for range rng.IntN(5) {
		a := randomAddr(rng, rng.IntN(2) == 0)
		out = append(out, netip.PrefixFrom(a, a.BitLen()-rng.IntN(5)).Masked())
	}
	return out
}

// randomAddr is one of sixteen of a family.
func randomAddr(rng *rand.Rand, four bool) netip.Addr {
	n := byte(rng.IntN(16))
	if four {
		return netip.AddrFrom4([4]byte{10, 0, 0, n})
	}
	return netip.AddrFrom16([16]byte{0: 0xfd, 15: n})
}

func TestNothingIsAllowedWithoutRules(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for name, r := range map[string]*Rules{
		"nil": nil, "empty": {},
		"forgotten ports": {List: []Rule{{Srcs: everything, Dsts: everything, Protocol: TCP}}},
	} {
		f, err := Compile(r, everything, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Allows(a, b, TCP, 22) || f.CheckTCP(a, b, 22) == wgfilter.Accept {
			t.Errorf("%s: allows port 22", name)
		}
	}
}

func TestOnlyLocalAddressesAreReached(t *testing.T) {
	r := &Rules{List: []Rule{{Srcs: everything, Dsts: everything, Ports: AllPorts()}}}
	f, err := Compile(r, []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	src := netip.MustParseAddr("10.0.0.1")
	if f.CheckTCP(src, netip.MustParseAddr("10.0.0.2"), 22) != wgfilter.Accept {
		t.Error("own address is not reached")
	}
	if f.CheckTCP(src, netip.MustParseAddr("10.0.0.3"), 22) == wgfilter.Accept {
		t.Error("a foreign address is reached")
	}
}

// TestRepliesNeedNoRule sends a datagram out and takes the answer in, before
// and after the rules are replaced.
func TestRepliesNeedNoRule(t *testing.T) {
	here, there := netip.MustParseAddrPort("10.0.0.2:1000"), netip.MustParseAddrPort("10.0.0.1:53")
	before, err := Compile(nil, everything, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer := datagram(there, here)
	if before.RunIn(answer, 0) == wgfilter.Accept {
		t.Fatal("came in unasked")
	}
	before.RunOut(datagram(here, there), 0)
	if before.RunIn(answer, 0) != wgfilter.Accept {
		t.Error("the answer is dropped")
	}
	for _, c := range []struct {
		name   string
		before *wgfilter.Filter
		want   wgfilter.Response
	}{{"shared state", before, wgfilter.Accept}, {"fresh state", nil, wgfilter.Drop}} {
		after, err := Compile(nil, everything, c.before)
		if err != nil {
			t.Fatal(err)
		}
		if got := after.RunIn(answer, 0); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func datagram(src, dst netip.AddrPort) *packet.Parsed {
	h := packet.UDP4Header{
		IP4Header: packet.IP4Header{IPProto: ipproto.UDP, Src: src.Addr(), Dst: dst.Addr()},
		SrcPort:   src.Port(), DstPort: dst.Port(),
	}
	p := new(packet.Parsed)
	p.Decode(packet.Generate(h, []byte("hi")))
	return p
}

// TestCoversIsNeverWrong takes random pairs: whoever covers allows all that
// the other allows.
func TestCoversIsNeverWrong(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, seed))
	covered := 0
	for range 3000 {
		small := randomRules(rng)
		big := &Rules{List: append(randomRules(rng).List, small.List...)}
		if rng.IntN(2) == 0 {
			big = randomRules(rng)
		}
		if !big.Covers(small) {
			continue
		}
		covered++
		for range 100 {
			four := rng.IntN(2) == 0
			src, dst := randomAddr(rng, four), randomAddr(rng, four)
			proto, port := Protocol(1+rng.IntN(3)), uint16(rng.IntN(10))
			if small.Allows(src, dst, proto, port) && !big.Allows(src, dst, proto, port) {
				t.Fatalf("%+v does not cover %+v: %s -> %s %s %d", big.List, small.List, src, dst, proto, port)
			}
		}
	}
	if covered < 1000 {
		t.Errorf("only %d pairs covered", covered)
	}
}

func TestCoversAndEqual(t *testing.T) {
	rule := func(src string, p Protocol, ports Ports) *Rules {
		return &Rules{List: []Rule{{
			Srcs: []netip.Prefix{netip.MustParsePrefix(src)}, Dsts: everything, Protocol: p, Ports: ports,
		}}}
	}
	ssh := rule("10.0.0.1/32", TCP, Port(22))
	for _, c := range []struct {
		name         string
		r, o         *Rules
		covers, same bool
	}{
		{"nothing and nothing", nil, &Rules{}, true, true},
		{"itself", ssh, rule("10.0.0.1/32", TCP, Port(22)), true, true},
		{"a wider prefix", rule("10.0.0.0/8", TCP, Port(22)), ssh, true, false},
		{"a narrower prefix", ssh, rule("10.0.0.0/8", TCP, Port(22)), false, false},
		{"more ports", rule("10.0.0.1/32", TCP, AllPorts()), ssh, true, false},
		{"fewer ports", ssh, rule("10.0.0.1/32", TCP, AllPorts()), false, false},
		{"any protocol", rule("10.0.0.1/32", Any, Port(22)), ssh, true, false},
		{"another protocol", rule("10.0.0.1/32", UDP, Port(22)), ssh, false, false},
		{"something over nothing", ssh, nil, true, false},
		{"nothing over something", nil, ssh, false, false},
	} {
		if got := c.r.Covers(c.o); got != c.covers {
			t.Errorf("%s: covers %v", c.name, got)
		}
		if got := c.r.Equal(c.o); got != c.same {
			t.Errorf("%s: equal %v", c.name, got)
		}
	}
}

func BenchmarkCovers5000(b *testing.B) {
	var srcs []netip.Prefix
	for i := range 5000 {
		srcs = append(srcs, netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(i >> 8), 15: byte(i)}), 128))
	}
	big := &Rules{List: []Rule{{Srcs: srcs, Dsts: everything, Ports: AllPorts()}}}
	small := &Rules{List: []Rule{{Srcs: srcs[1:], Dsts: everything, Ports: AllPorts()}}}
	for b.Loop() {
		if !big.Covers(small) {
			b.Fatal("want covered")
		}
	}
}
