//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// benchTunnel measures what the overlay makes of the kernel's network: bulk
// data and round trips, beside wireguard-go at equal MTU.
func benchTunnel() story {
	return story{
		id: "bench-tunnel", about: "TCP and ping through the overlay beside wireguard-go", limit: 3 * time.Minute, bench: true,
		tell: func(t *teller) {
			t1, d1 := t.pair()
			mtu := d1.overlayMTU()
			t.wireguard(mtu)
			t.figure("mtu", mtu)
			both := []struct{ name, from, to string }{
				{"warren", t1.name, d1.overlayIPv4()},
				{"wireguard", wgA, wgAddrB},
			}
			for _, ns := range []string{d1.name, wgB} {
				t.spawn(ns, "iperf3", "-s")
				t.until(readyTime, "iperf3 listens in "+ns, func() bool {
					return strings.Contains(t.in(ns, "ss", "-Hltn", "sport", "=", ":5201"), "5201")
				})
			}
			rate, rtt := map[string][]float64{}, map[string][]float64{}
			for round := range t.reps {
				for _, one := range both {
					got := t.iperf(one.from, one.to, 4)
					rate[one.name] = append(rate[one.name], got)
					t.say("round %d of %d: %s %.0f Mbit/s", round+1, t.reps, one.name, got)
				}
			}
			for range t.reps {
				for _, one := range both {
					rtt[one.name] = append(rtt[one.name], t.pings(one.from, one.to, 40)...)
				}
			}
			for _, one := range both {
				t.sample(one.name+"_mbit", rate[one.name])
				t.sample(one.name+"_rtt", rtt[one.name])
			}
		},
	}
}

// pair is the smallest mesh that measures something: a technician and a
// device, both on the internet, and packets of every kind allowed.
func (t *teller) pair() (t1, d1 *machine) {
	c1 := t.found("c1")
	t1 = t.technician(c1, "t1", t.internet())
	d1 = t.enrol(c1, "d1", t.internet())
	t1.up()
	d1.up()
	t.open(c1)
	_, _ = t1.reaches("d1", 10*time.Second, "directly", path.direct)
	t.until(10*time.Second, "packets pass between t1 and d1", func() bool {
		_, err := t.attempt("", "ip", "netns", "exec", t1.name, "ping", "-c", "1", "-W", "1", d1.overlayIPv4())
		return err == nil
	})
	return t1, d1
}

// open lets every machine send every packet to every other.
func (t *teller) open(c *machine) {
	const file = "/run/open.hujson"
	policy := `{"grants": [
		{"src": ["role:admin"], "dst": ["*"], "verbs": ["*"], "users": ["*", "root"]},
		{"src": ["*"], "dst": ["*"], "ip": ["*"]},
	]}`
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.fail("%w", err)
	}
	c.must("policy", "apply", file)
}

func (m *machine) overlayIPv4() string {
	for _, a := range want[struct{ Node struct{ Addresses []string } }](m, "status").Node.Addresses {
		if strings.Contains(a, ".") {
			return a
		}
	}
	m.t.fail("%s has no IPv4 address in the overlay", m.name)
	return ""
}

// iperf carries one TCP stream for some seconds after a first one, and tells
// what arrived, in Mbit/s.
func (t *teller) iperf(from, to string, seconds int) float64 {
	var report struct {
		Error string
		End   struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	out := t.in(from, "iperf3", "-c", to, "-O", "1", "-t", fmt.Sprint(seconds), "-J")
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Error != "" {
		t.fail("iperf3 from %s: %w %s", from, err, report.Error)
	}
	return report.End.Received.Rate / 1e6
}

// pings are round trips in milliseconds.
func (t *teller) pings(from, to string, count int) []float64 {
	var out []float64
	for lines := bufio.NewScanner(strings.NewReader(t.in(from, "ping", "-n", "-i", "0.01", "-c", fmt.Sprint(count), to))); lines.Scan(); {
		if _, after, ok := strings.Cut(lines.Text(), " time="); ok {
			var ms float64
			if _, err := fmt.Sscan(after, &ms); err == nil {
				out = append(out, ms)
			}
		}
	}
	if len(out) < count*9/10 {
		t.fail("%d of %d pings came back from %s", len(out), count, to)
	}
	return out
}
