//go:build linux

package engine

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// site is a machine behind a router of its own.
type site struct{ machine, router string }

// internet makes a public member in the middle, and a site on either side of
// it:
//
//	a 192.168.1.2 - router 203.0.113.2 - c 203.0.113.1
//	                                     c 198.51.100.1 - router 198.51.100.2 - b 192.168.2.2
func internet(t *testing.T, natA, natB string) (c string, a, b site) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs the nft command (nftables)")
	}
	c = namespace(t)
	sysctl(t, c, "net.ipv4.ip_forward=1")
	build := func(n int, net, nat string) site {
		s := site{namespace(t), namespace(t)}
		join(t, c, fmt.Sprint("wan", n), net+".1/24", s.router, "wan", net+".2/24")
		join(t, s.router, "lan", fmt.Sprintf("192.168.%d.1/24", n), s.machine, "eth0", fmt.Sprintf("192.168.%d.2/24", n))
		ip(t, "-n", s.router, "route", "add", "default", "via", net+".1")
		ip(t, "-n", s.machine, "route", "add", "default", "via", fmt.Sprintf("192.168.%d.1", n))
		sysctl(t, s.router, "net.ipv4.ip_forward=1")
		how, blocked := strings.CutSuffix(nat, " without udp")
		block := ""
		if blocked {
			block = "meta l4proto udp drop;"
		}
		nft(t, s.router, fmt.Sprintf(`
			table ip nat { chain post { type nat hook postrouting priority 100; oifname "wan" %s; }; }
			table ip gate {
				chain forward { type filter hook forward priority 0; policy drop; %s ct state established,related accept; iifname "lan" accept; }
				chain input { type filter hook input priority 0; policy drop; ct state established,related accept; }
			}`, how, block))
		return s
	}
	return c, build(1, "203.0.113", natA), build(2, "198.51.100", natB)
}

func join(t *testing.T, nsA, devA, addrA, nsB, devB, addrB string) {
	t.Helper()
	ip(t, "link", "add", devA, "netns", nsA, "type", "veth", "peer", "name", devB, "netns", nsB)
	for _, end := range [][3]string{{nsA, devA, addrA}, {nsB, devB, addrB}} {
		ip(t, "-n", end[0], "addr", "add", end[2], "dev", end[1])
		ip(t, "-n", end[0], "link", "set", end[1], "up")
	}
}

func sysctl(t *testing.T, ns, setting string) {
	t.Helper()
	ip(t, "netns", "exec", ns, "sysctl", "-qw", setting)
}

func nft(t *testing.T, ns, rules string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", ns, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
}

// TestMeetAcrossNATs has two machines that cannot reach each other, and a
// member that both can.
func TestMeetAcrossNATs(t *testing.T) {
	const (
		plain     = "masquerade"
		symmetric = "masquerade random,fully-random"
		blocked   = "masquerade without udp"
	)
	bin := lab(t)
	for _, c := range []struct{ name, a, b, path string }{
		{"port-restricted", plain, plain, "pong direct-v4 198.51.100.2:"},
		{"symmetric", symmetric, symmetric, "pong member-udp via c "},
		{"udp blocked", plain, blocked, "pong member-tls via c "},
	} {
		t.Run(c.name, func(t *testing.T) {
			middle, siteA, siteB := internet(t, c.a, c.b)
			launch(t, bin, middle, "c", "-port=4001", "-userspace", "-serve=203.0.113.1+198.51.100.1", "-peers=a@192.168.1.2:4001,b@192.168.2.2:4001")
			know := []string{"-port=4001", "-userspace", "-member=c@203.0.113.1+198.51.100.1"}
			b := launch(t, bin, siteB.machine, "b", append(know, "-peers=a@192.168.1.2:4001+203.0.113.2:4001,c@198.51.100.1:4001")...)
			a := launch(t, bin, siteA.machine, "a", append(know, "-peers=b@192.168.2.2:4001+198.51.100.2:4001,c@203.0.113.1:4001")...)
			if c.b == plain {
				// As their statements say. Nobody tells here what changes later.
				a.until("endpoints", "[192.168.1.2:4001 203.0.113.2:4001]")
				b.until("endpoints", "[192.168.2.2:4001 198.51.100.2:4001]")
			}
			begin := time.Now()
			a.until("ping b", c.path)
			t.Logf("path after %v", time.Since(begin))
			a.do("tcp b", "tcp hello")
			b.do("udp a", "udp hello")
			b.do("ping a", strings.Replace(c.path, "198.51.100.2", "203.0.113.2", 1))
		})
	}
}

// until repeats a command until it has that answer.
func (p *process) until(command, want string) {
	p.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		fmt.Fprintln(p.in, command)
		if !p.out.Scan() {
			p.t.Fatalf("%s ended, waiting for %q", p.name, want)
		}
		line := p.out.Text()
		p.t.Logf("%s: %s -> %s", p.name, command, line)
		if strings.HasPrefix(line, want) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: never %q", p.name, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
