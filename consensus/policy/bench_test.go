package policy_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"warren/consensus/policy"
)

// fleet is a firm of n devices in 100 sites with 200 grants.
func fleet(n int) (policy.Directory, []byte) {
	var dir policy.Directory
	for i := range n {
		d := policy.Device{
			ID: idOf(fmt.Sprint("device ", i)), Name: fmt.Sprint("d-", i), Roles: []string{"device"},
			Tags: []string{fmt.Sprint("site-", i%100), fmt.Sprint("kind-", i%7)},
		}
		switch {
		case i < 3:
			d.Roles = []string{"controller"}
		case i < 53:
			d.Roles = []string{"technician"}
			dir.Technicians = append(dir.Technicians, policy.Technician{Name: fmt.Sprint("t-", i-3), Node: d.ID, Admin: i < 6})
		}
		dir.Devices = append(dir.Devices, d)
	}
	var b strings.Builder
	b.WriteString(`{"groups": {`)
	for i := range 20 {
		fmt.Fprintf(&b, `"group:g-%d": ["t-%d", "t-%d", "t-%d"], `, i, i, i+20, i+30)
	}
	b.WriteString(`}, "grants": [{"src": ["role:admin"], "dst": ["*"], "verbs": ["*"], "users": ["*", "root"]},`)
	for i := range 100 {
		fmt.Fprintf(&b, `{"src": ["group:g-%d"], "dst": ["tag:site-%d"], "verbs": ["shell", "view"]},`, i%20, i)
		fmt.Fprintf(&b, `{"src": ["tag:site-%d", "d-%d"], "dst": ["tag:kind-%d"], "ip": ["tcp:443", "icmp"]},`, i, i, i%3)
	}
	b.WriteString(`], "tests": [`)
	for i := range 100 {
		fmt.Fprintf(&b, `{"src": "group:g-%d", "verb": "shell", "allow": ["tag:site-%d"]},`, i%20, i)
		fmt.Fprintf(&b, `{"src": "tag:site-%d", "ip": "tcp:443", "allow": ["tag:kind-%d"], "deny": ["tag:kind-5"]},`, i, i%3)
	}
	b.WriteString(`]}`)
	return dir, []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	_, text := fleet(1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := policy.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile5000(b *testing.B) {
	dir, text := fleet(5000)
	p, err := policy.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		policy.Compile(p, dir)
	}
}

func BenchmarkCheck5000(b *testing.B) {
	dir, text := fleet(5000)
	p, err := policy.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.Check(dir); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerb5000(b *testing.B) {
	dir, text := fleet(5000)
	p, err := policy.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	c := policy.Compile(p, dir)
	for b.Loop() {
		c.Verb("t-49", dir.Devices[4999].ID, policy.Shell, "support")
	}
}

func BenchmarkCompare5000(b *testing.B) {
	dir, text := fleet(5000)
	before, err := policy.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	after, err := policy.Parse(bytes.Replace(text, []byte(`["tcp:443", "icmp"]`), []byte(`["tcp:443-450"]`), 1))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if c := policy.Compare(before, after, dir); !c.Widens() || !c.Narrows() {
			b.Fatal(c)
		}
	}
}
