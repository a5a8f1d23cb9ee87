//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
)

// NAT is how a router translates.
type NAT string

// The routers of the lab. All drop what nobody inside asked for.
const (
	// PortRestricted maps one inside port to one outside port, whoever is
	// spoken to, and lets in only who was spoken to.
	PortRestricted NAT = "masquerade"
	// Symmetric draws a new outside port for each machine spoken to.
	Symmetric NAT = "masquerade random,fully-random"
)

// network is the internet of one story: a bridge in the story's own network
// namespace. Every machine and every router is a namespace of its own.
type network struct {
	last  int // last host number given on the bridge
	lans  int
	wires int
}

// wan is the bridge that is the internet. It has no address: nothing listens
// there.
const wan = "inet"

func (n *network) open(t *teller) {
	n.last = 10
	t.ip("link", "set", "lo", "up")
	t.ip("link", "add", wan, "type", "bridge", "mcast_snooping", "0")
	t.ip("link", "set", wan, "up")
}

// place is where a machine can be plugged in: the internet, or the LAN behind
// a router.
type place struct {
	ns      string // namespace of the bridge; empty is the story's own
	bridge  string
	prefix  string // "192.168.1."
	gateway string // empty on the internet, where each reaches each
	last    int
}

// internet is the place for machines with public addresses.
func (t *teller) internet() *place {
	return &place{bridge: wan, prefix: "203.0.113."}
}

// router is a namespace between the internet and a LAN.
type router struct {
	t    *teller
	name string
	nat  NAT
	lan  *place
}

// router sets one up, with a LAN of its own behind it.
func (t *teller) router(name string, nat NAT) *router {
	t.network.lans++
	prefix := fmt.Sprintf("192.168.%d.", t.network.lans)
	r := &router{t: t, name: name, nat: nat, lan: &place{ns: name, bridge: "lan", prefix: prefix, gateway: prefix + "1", last: 1}}
	t.namespace(name)
	t.network.last++
	t.plug(name, "wan", t.internet(), t.network.last)
	t.ip("-n", name, "link", "add", "lan", "type", "bridge")
	t.ip("-n", name, "addr", "add", prefix+"1/24", "dev", "lan")
	t.ip("-n", name, "link", "set", "lan", "up")
	t.in(name, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	r.rules("")
	return r
}

// blockUDP makes the router let no UDP out any more.
func (r *router) blockUDP() {
	r.rules("meta l4proto udp drop")
	r.t.say("%s lets no UDP through", r.name)
}

// forgetUDP makes the router forget its mappings of UDP, as routers do after
// half a minute without packets. Connections live on.
func (r *router) forgetUDP() {
	// The command fails where there is nothing to delete.
	r.t.in(r.name, "sh", "-c", "conntrack -D -p udp || test -z \"$(conntrack -L -p udp)\"")
	r.t.say("%s has forgotten its mappings", r.name)
}

func (r *router) rules(first string) {
	r.t.nft(r.name, fmt.Sprintf(`
		flush ruleset
		table ip nat {
			chain post {
				type nat hook postrouting priority srcnat
				oifname "wan" %s
			}
		}
		table inet filter {
			chain forward {
				type filter hook forward priority filter; policy drop
				%s
				ct state established,related accept
				iifname "lan" accept
			}
			chain input {
				type filter hook input priority filter; policy drop
				ct state established,related accept
				iifname { "lan", "lo" } accept
			}
		}`, r.nat, first))
}

// namespace makes one that is a machine with loopback alone.
func (t *teller) namespace(name string) {
	t.ip("netns", "add", name)
	// The kernel's own waits before an IPv6 address is usable help nobody here.
	t.in(name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
	t.ip("-n", name, "link", "set", "lo", "up")
}

// plug wires a namespace to a place, as the host of that number there, and
// tells its address.
func (t *teller) plug(ns, device string, p *place, number int) string {
	t.network.wires++
	end := fmt.Sprintf("v%d", t.network.wires)
	add := []string{"link", "add", end, "type", "veth", "peer", "name", device, "netns", ns}
	at := func(args ...string) { t.ip(args...) }
	if p.ns != "" {
		at = func(args ...string) { t.ip(append([]string{"-n", p.ns}, args...)...) }
	}
	at(add...)
	at("link", "set", end, "master", p.bridge, "up")
	if p.bridge == wan {
		// The internet carries no multicast.
		at("link", "set", end, "type", "bridge_slave", "mcast_flood", "off")
	}
	address := fmt.Sprintf("%s%d", p.prefix, number)
	if p.gateway == "" {
		// No two machines of the internet are in one LAN.
		t.ip("-n", ns, "addr", "add", address+"/32", "dev", device)
		t.ip("-n", ns, "link", "set", device, "up")
		t.ip("-n", ns, "route", "add", "default", "dev", device)
		return address
	}
	t.ip("-n", ns, "addr", "add", address+"/24", "dev", device)
	t.ip("-n", ns, "link", "set", device, "up")
	t.ip("-n", ns, "route", "add", "default", "via", p.gateway)
	return address
}

// cutOff lets nothing pass between a machine and others; without any, all
// passes again.
func (m *machine) cutOff(from ...*machine) {
	var rules strings.Builder
	for _, other := range from {
		fmt.Fprintf(&rules, "ip saddr %s drop\nip daddr %[1]s drop\n", other.address)
	}
	m.filter(rules.String())
}

// silence lets nothing in or out: nobody hears that it is gone.
func (m *machine) silence() {
	m.filter(`iifname "eth0" drop
oifname "eth0" drop`)
	m.t.say("%s is silent", m.name)
}

// filter has a machine's kernel drop what fits the rules, both ways.
func (m *machine) filter(rules string) {
	m.t.nft(m.name, fmt.Sprintf(`
		flush ruleset
		table inet lab {
			chain input {
				type filter hook input priority filter; policy accept
				%s
			}
			chain output {
				type filter hook output priority filter; policy accept
				%[1]s
			}
		}`, rules))
}

// ip runs the command of that name in the story's own namespace.
func (t *teller) ip(args ...string) string { return t.tool("", "ip", args...) }

// in runs a command in a namespace.
func (t *teller) in(ns string, args ...string) string {
	return t.ip(append([]string{"netns", "exec", ns}, args...)...)
}

// nft replaces rules of a namespace.
func (t *teller) nft(ns, rules string) {
	t.tool(rules, "ip", "netns", "exec", ns, "nft", "-f", "-")
}

// tool runs a command that has to work.
func (t *teller) tool(input, name string, args ...string) string {
	out, err := t.attempt(input, name, args...)
	if err != nil {
		t.fail("%w", err)
	}
	return out
}

func (t *teller) attempt(input, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(t.ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// spawn starts a program in a namespace; it ends with the story.
func (t *teller) spawn(ns string, args ...string) {
	cmd := exec.CommandContext(t.ctx, "ip", append([]string{"netns", "exec", ns}, args...)...) //nolint:gosec // a program of ours
	if err := cmd.Start(); err != nil {
		t.fail("start %s: %w", args[0], err)
	}
}
