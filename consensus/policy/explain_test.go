package policy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"warren/consensus/policy"
)

// goldenPart runs the archives below testdata/kind: the last file of each is
// what got gives for the others.
func goldenPart(t *testing.T, kind string, got func(t *testing.T, part func(name string) string) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", kind, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata: %d archives, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			last := &ar.Files[len(ar.Files)-1]
			text := got(t, func(name string) string {
				for _, f := range ar.Files {
					if f.Name == name {
						return string(f.Data)
					}
				}
				return ""
			})
			if *update {
				last.Data = []byte(text)
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(last.Data), text); diff != "" {
				t.Errorf("%s (-golden +got):\n%s", last.Name, diff)
			}
		})
	}
}

// TestExplain answers lines of the form SRC DST VERB [USER].
func TestExplain(t *testing.T) {
	goldenPart(t, "explain", func(t *testing.T, part func(string) string) string {
		var out strings.Builder
		p, dir := parse(t, part("policy.hujson")), readMembers(t, part("members"))
		for line := range strings.Lines(part("questions")) {
			w := append(strings.Fields(line), "")
			fmt.Fprintf(&out, "%s\n", strings.TrimSpace(line))
			q, err := policy.ParseQuestion(w[0], w[1], w[2], w[3])
			if err != nil {
				fmt.Fprintf(&out, "\tmistake: %v\n", err)
				continue
			}
			if s, unknown := p.Unknown(q, dir); unknown {
				fmt.Fprintf(&out, "\tunknown: %s\n", s)
				continue
			}
			a := p.Explain(q, dir)
			fmt.Fprintf(&out, "\tallowed: %v\n", a.Allowed)
			for _, g := range a.Grants {
				fmt.Fprintf(&out, "\tgrant: %d: %s\n", p.Grants[g].Line, policy.GrantText([]byte(part("policy.hujson")), g))
			}
			for _, r := range a.Reasons {
				fmt.Fprintf(&out, "\treason: %s\n", r)
			}
			if a.Missing == "" {
				continue
			}
			fmt.Fprintf(&out, "\tmissing: %s\n", a.Missing)
			mended := strings.Replace(part("policy.hujson"), `"grants": [`, `"grants": [`+a.Missing+",", 1)
			if a := parse(t, mended).Explain(q, dir); !a.Allowed {
				t.Errorf("%s: the missing grant does not mend it: %v", line, a.Reasons)
			}
		}
		return out.String()
	})
}

// TestCompareWords shows how changes are told.
func TestCompareWords(t *testing.T) {
	goldenPart(t, "compare", func(t *testing.T, part func(string) string) string {
		var out strings.Builder
		diff := policy.Compare(parse(t, part("before")), parse(t, part("after")), readMembers(t, part("members")))
		tell := func(what string, list []policy.Change) {
			for _, c := range list {
				later := ""
				if c.Later {
					later = "later "
				}
				fmt.Fprintf(&out, "%s %s%s: %s: %s\n", what, later, strings.Join(c.Who, " "), c.Right(), strings.Join(c.On, " "))
			}
		}
		tell("+", diff.Allowed)
		tell("-", diff.Denied)
		return out.String()
	})
}
