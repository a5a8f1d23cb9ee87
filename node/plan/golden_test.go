package plan_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"warren/consensus/policy"
	"warren/node/plan"
)

var update = flag.Bool("update", false, "rewrite the golden plans of testdata/*.txtar")

// TestGolden runs testdata/*.txtar: "mesh" is a script (see build),
// "policy.hujson" the policy ("default" for the default one, absent for none),
// "self" the machines whose plans are golden, each with the time since day0.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata: %d archives, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := func(name string) string {
				i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == name })
				if i < 0 {
					return ""
				}
				return string(ar.Files[i].Data)
			}
			got := plans(t, part("mesh"), part("policy.hujson"), part("self"))
			if *update {
				ar.Files = slices.DeleteFunc(ar.Files, func(f txtar.File) bool { return f.Name == "plans" })
				ar.Files = append(ar.Files, txtar.File{Name: "plans", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(part("plans"), got); diff != "" {
				t.Errorf("plans (-golden +got):\n%s", diff)
			}
		})
	}
}

func plans(t *testing.T, script, text, selves string) string {
	t.Helper()
	w := build(t, script)
	if strings.TrimSpace(text) == "default" {
		text = string(policy.Default("owner"))
	}
	v := w.view([]byte(text), day0)
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(selves), "\n") {
		name, after, _ := strings.Cut(line, " ")
		v.Now = day0.Add(time.Hour)
		if after != "" {
			d, err := time.ParseDuration(after)
			if err != nil {
				t.Fatal(err)
			}
			v.Now = day0.Add(d)
		}
		self := plan.Self{ID: nodeKey(t, name).ID()}
		p, err := plan.For(v, self)
		if err == nil && !slices.IsSortedFunc(p.Mesh.Peers, byID) {
			t.Errorf("peers of %s are not sorted", name)
		}
		again, _ := plan.For(v, self)
		if diff := cmp.Diff(p, again, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }), addresses()); diff != "" {
			t.Errorf("plan of %s differs the second time:\n%s", name, diff)
		}
		out.WriteString(w.render(p, err))
	}
	return out.String()
}

func addresses() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	}
}
