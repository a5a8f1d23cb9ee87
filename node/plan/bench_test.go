package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/node/plan"
)

// fleet is a firm of n machines in 100 sites, 3 controllers, 50 technicians and
// 200 grants.
func fleet(t testing.TB, n int) (*world, plan.View) {
	t.Helper()
	w := found(t, "n-3")
	for i := range n {
		name := fmt.Sprint("n-", i)
		d := &warrenv1.DeviceRecord{Name: name, Roles: []string{"device"}, Tags: []string{fmt.Sprint("site-", i%100), fmt.Sprint("kind-", i%7)}}
		switch {
		case i < 3:
			d.Roles = []string{"controller"}
		case i < 53:
			d.Roles = []string{"technician"}
		}
		w.device(d, false)
		w.state(name, name)
		if i > 3 && i < 53 {
			w.technician(fmt.Sprint("t-", i), name, i < 6, time.Time{})
		}
	}
	var b strings.Builder
	b.WriteString(`{"groups": {`)
	for i := range 20 {
		fmt.Fprintf(&b, `"group:g-%d": ["t-%d", "t-%d"],`, i, i+4, i+25)
	}
	b.WriteString(`}, "grants": [{"src": ["role:admin"], "dst": ["*"], "verbs": ["*"], "users": ["*", "root"]},`)
	for i := range 99 {
		fmt.Fprintf(&b, `{"src": ["group:g-%d"], "dst": ["tag:site-%d"], "verbs": ["shell", "view"]},`, i%20, i)
		fmt.Fprintf(&b, `{"src": ["tag:site-%d", "n-%d"], "dst": ["tag:kind-%d"], "ip": ["tcp:443", "icmp"]},`, i, i, i%3)
	}
	b.WriteString(`{"src": ["role:admin"], "dst": ["role:controller"], "ip": ["*"]}]}`)
	return w, w.view([]byte(b.String()), day0.Add(time.Hour))
}

func selves() map[string]string {
	return map[string]string{"controller": "n-0", "admin": "n-3", "technician": "n-20", "device": "n-1499"}
}

// BenchmarkFor5000 has a bar: 50 ms.
func BenchmarkFor5000(b *testing.B) {
	_, view := fleet(b, 5000)
	for _, kind := range []string{"controller", "admin", "technician", "device"} {
		b.Run(kind, func(b *testing.B) {
			self := plan.Self{ID: nodeKey(b, selves()[kind]).ID()}
			var peers, rules int
			for b.Loop() {
				p, err := plan.For(view, self)
				if err != nil {
					b.Fatal(err)
				}
				peers, rules = len(p.Mesh.Peers), len(p.Mesh.Filter.List)
			}
			b.ReportMetric(float64(peers), "peers")
			b.ReportMetric(float64(rules), "rules")
		})
	}
}

// TestForLooksUpOnce: asking the policy pair by pair would take seconds here.
// The limit is far above what For needs, also with -race on a busy machine.
func TestForLooksUpOnce(t *testing.T) {
	const size, limit = 1500, 250 * time.Millisecond
	w, view := fleet(t, size)
	for kind, name := range selves() {
		best := time.Hour
		for range 3 {
			start := time.Now()
			p, err := plan.For(view, plan.Self{ID: w.ids[name]})
			if err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
			if kind == "controller" && len(p.Mesh.Peers) != size-1 {
				t.Errorf("a controller meets %d of %d", len(p.Mesh.Peers), size-1)
			}
		}
		if best > limit {
			t.Errorf("plan of a %s took %v, more than %v", kind, best, limit)
		}
	}
}
