package policy_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"warren/consensus/policy"
)

func TestParseBounds(t *testing.T) {
	grant := `{"src": ["*"], "dst": ["*"], "ip": ["*"]},`
	test := `{"src": "a", "verb": "ping", "deny": ["b"]},`
	tests := []struct {
		name, text, want string
	}{
		{"grants", `{"grants": [` + strings.Repeat(grant, policy.MaxGrants) + `]}`, ""},
		{"too many grants", `{"grants": [` + strings.Repeat(grant, policy.MaxGrants+7) + `]}`, "more than 1000 grants"},
		{"tests", `{"tests": [` + strings.Repeat(test, policy.MaxTests) + `]}`, ""},
		{"too many tests", `{"tests": [` + strings.Repeat(test, policy.MaxTests+7) + `]}`, "more than 1000 tests"},
		{"size", "{}" + strings.Repeat(" ", policy.MaxText-2), ""},
		{"too large", "{}" + strings.Repeat(" ", policy.MaxText-1), "at most 262144"},
		{"deep", strings.Repeat("[", policy.MaxText), "nested deeper"},
		{"brackets in a text", `{"tags": {"tag:x": {"description": "` + strings.Repeat("[", 100) + `\"["}}}`, ""},
		{"brackets in comments", "{// " + strings.Repeat("[", 100) + "\n/*" + strings.Repeat("{\n", 100) + "*/}", ""},
		{"not UTF-8", "{\n // \xff\n}", "not UTF-8"},
		{"long word", `{"` + strings.Repeat("é", 1000) + `": 1}`, `é"...`},
		{"nothing granted", `{"grants": [], "tests": []}`, ""},
		{"nothing said", `{}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := policy.Parse([]byte(tt.text))
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && (err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `..."`, `"...`), tt.want)):
				t.Fatalf("got %v, want %q", err, tt.want)
			case err != nil && len(err.Error()) > 400:
				t.Fatalf("message of %d bytes: %.400s", len(err.Error()), err)
			}
		})
	}
}

// The user of a grant that names none, and the tags of a policy that declares
// none.
func TestParseDefaults(t *testing.T) {
	p, err := policy.Parse([]byte(`{"grants": [
		{"src": ["anna"], "dst": ["tag:any"], "verbs": ["run", "view"]},
		{"src": ["anna"], "dst": ["*"], "verbs": ["view"], "ip": ["tcp:*", "udp:1-2", "udp:3", "icmp", "*"]},
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Grants[0].Users; !slices.Equal(got, []string{"*"}) {
		t.Errorf("users of a grant without: %q", got)
	}
	if got := p.Grants[1].Users; got != nil {
		t.Errorf("users where no verb takes one: %q", got)
	}
	if got, want := fmt.Sprint(p.Grants[1].IP), "[tcp:* udp:1-2 udp:3 icmp *]"; got != want {
		t.Errorf("ip: %s, want %s", got, want)
	}
	if p.Grants[1].Line != 3 || p.Grants[1].Column != 3 {
		t.Errorf("second grant at %v", p.Grants[1].Place)
	}
}

// FuzzParse: no text makes Parse panic, every mistake lies inside the text,
// and what parses can be compiled, checked and asked.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(ar.Files[0].Data)
	}
	f.Add(policy.Default("owner"))
	members, err := os.ReadFile("testdata/members")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := policy.Parse(text)
		if err != nil {
			inside(t, text, err)
			return
		}
		dir := readMembers(t, string(members))
		if err := p.Check(dir); err != nil {
			inside(t, text, err)
		}
		p.Warnings(dir)
		c := policy.Compile(p, dir)
		for _, d := range dir.Devices {
			for range c.Peers(d.ID) {
				break
			}
			for _, g := range c.Sessions(d.ID) {
				v := g.Verbs[0]
				user := "nobody-in-particular"
				if len(g.Users) > 0 && g.Users[0] != "*" {
					user = g.Users[0]
				}
				if got := c.Verb(g.Technician.Name, d.ID, v, user); !got.Allowed {
					t.Fatalf("sessions of %s grant %s %s, Verb says %s", d.Name, g.Technician.Name, v, got.Reason)
				}
			}
			c.Packets(d.ID)
		}
	})
}

func inside(t *testing.T, text []byte, err error) {
	t.Helper()
	var all policy.Errors
	if !errors.As(err, &all) || len(all) == 0 || len(all) > policy.MaxErrors {
		t.Fatalf("%T with %d mistakes", err, len(all))
	}
	lines := strings.Split(string(text), "\n")
	for _, e := range all {
		if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > 1+utf8.RuneCountInString(lines[e.Line-1]) {
			t.Fatalf("mistake outside of the text: %v", e)
		}
		if !utf8.ValidString(e.Msg) || strings.ContainsAny(e.Msg, "\n\x1b") {
			t.Fatalf("message not fit for a terminal: %q", e.Msg)
		}
	}
}
