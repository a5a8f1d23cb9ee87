package policy_test

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
	"warren/mesh/identity"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata/*.txtar")

// TestGolden runs testdata/*.txtar. An archive has a policy, and where it
// parses, "members" (see readMembers) and "questions", one a line:
//
//	TECHNICIAN VERB DEVICE [USER]
//	DEVICE tcp:22 DEVICE
//	sessions DEVICE | packets DEVICE | peers DEVICE
//
// Golden are "mistakes" (of Parse, or of Check), "warnings" and "answers".
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
			text := part("policy.hujson")
			if t.Name() == "TestGolden/default" {
				text = string(policy.Default("owner"))
			}
			got := golden(t, text, part("members"), part("questions"))
			if *update {
				rewrite(t, file, ar, got)
				return
			}
			for _, name := range []string{"mistakes", "warnings", "answers"} {
				if diff := cmp.Diff(part(name), got[name]); diff != "" {
					t.Errorf("%s (-golden +got):\n%s", name, diff)
				}
			}
		})
	}
}

func rewrite(t *testing.T, file string, ar *txtar.Archive, got map[string]string) {
	t.Helper()
	ar.Files = slices.DeleteFunc(ar.Files, func(f txtar.File) bool {
		return f.Name == "mistakes" || f.Name == "warnings" || f.Name == "answers"
	})
	for _, name := range []string{"mistakes", "warnings", "answers"} {
		if got[name] != "" {
			ar.Files = append(ar.Files, txtar.File{Name: name, Data: []byte(got[name])})
		}
	}
	if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, text, members, questions string) map[string]string {
	t.Helper()
	p, err := policy.Parse([]byte(text))
	if err != nil {
		return map[string]string{"mistakes": mistakes(t, err)}
	}
	dir := readMembers(t, members)
	got := map[string]string{}
	if err := p.Check(dir); err != nil {
		got["mistakes"] = mistakes(t, err)
	}
	for _, w := range p.Warnings(dir) {
		got["warnings"] += w.String() + "\n"
	}
	c := policy.Compile(p, dir)
	for _, q := range strings.Split(strings.TrimSpace(questions), "\n") {
		if q != "" {
			got["answers"] += answer(t, c, dir, strings.Fields(q))
		}
	}
	return got
}

func mistakes(t *testing.T, err error) string {
	t.Helper()
	var all policy.Errors
	var first *policy.Error
	if !errors.As(err, &all) || !errors.As(err, &first) || *first != *all[0] {
		t.Fatalf("error of type %T: %v", err, err)
	}
	return err.Error() + "\n"
}

func answer(t *testing.T, c *policy.Compiled, dir policy.Directory, q []string) string {
	t.Helper()
	id := func(name string) identity.NodeID {
		i := slices.IndexFunc(dir.Devices, func(d policy.Device) bool { return d.Name == name })
		if i < 0 {
			return identity.NodeID{1}
		}
		return dir.Devices[i].ID
	}
	var out strings.Builder
	switch {
	case q[0] == "sessions":
		fmt.Fprintf(&out, "sessions %s\n", q[1])
		for _, g := range c.Sessions(id(q[1])) {
			fmt.Fprintf(&out, "\tgrant %d: %s %v as %v\n", g.Grant+1, g.Technician.Name, g.Verbs, g.Users)
		}
	case q[0] == "packets":
		fmt.Fprintf(&out, "packets %s\n", q[1])
		for _, g := range c.Packets(id(q[1])) {
			fmt.Fprintf(&out, "\tgrant %d: %s %v\n", g.Grant+1, names(g.From), g.IP)
		}
	case q[0] == "peers":
		peers := slices.Collect(c.Peers(id(q[1])))
		fmt.Fprintf(&out, "peers %s: %s\n", q[1], names(peers))
	case strings.HasPrefix(q[1], "tcp:") || strings.HasPrefix(q[1], "udp:") || q[1] == "icmp":
		proto, port := policy.ICMP, uint16(0)
		if _, err := fmt.Sscanf(q[1], "tcp:%d", &port); err == nil {
			proto = policy.TCP
		} else if _, err := fmt.Sscanf(q[1], "udp:%d", &port); err == nil {
			proto = policy.UDP
		}
		decision(&out, q, c.IP(id(q[0]), id(q[2]), proto, port))
	default:
		user := ""
		if len(q) > 3 {
			user = q[3]
		}
		decision(&out, q, c.Verb(q[0], id(q[2]), policy.Verb(q[1]), user))
	}
	return out.String()
}

func decision(out *strings.Builder, q []string, d policy.Decision) {
	word := "no"
	if d.Allowed {
		word = "yes"
	}
	fmt.Fprintf(out, "%s: %s (%d): %s\n", strings.Join(q, " "), word, d.Grant, d.Reason)
}

func names(devices []*policy.Device) string {
	var out []string
	for _, d := range devices {
		out = append(out, d.Name)
	}
	return strings.Join(out, " ")
}

// readMembers reads lines of the form
//
//	NAME [ROLE] [tag:T ...] [byod]
//	technician NAME on NODE [admin]
func readMembers(t *testing.T, text string) policy.Directory {
	t.Helper()
	var dir policy.Directory
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		w := strings.Fields(line)
		switch {
		case len(w) == 0:
		case w[0] == "technician":
			if len(w) < 4 || w[2] != "on" {
				t.Fatalf("members: %q", line)
			}
			dir.Technicians = append(dir.Technicians, policy.Technician{
				Name: w[1], Node: idOf(w[3]), Admin: slices.Contains(w[4:], "admin"),
			})
		default:
			d := policy.Device{ID: idOf(w[0]), Name: w[0], Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED}
			for _, word := range w[1:] {
				if tag, ok := strings.CutPrefix(word, "tag:"); ok {
					d.Tags = append(d.Tags, tag)
				} else if word == "byod" {
					d.Ownership = warrenv1.Ownership_OWNERSHIP_BYOD
				} else {
					d.Roles = append(d.Roles, word)
				}
			}
			if d.Roles == nil {
				d.Roles = []string{"device"}
			}
			dir.Devices = append(dir.Devices, d)
		}
	}
	return dir
}

func idOf(name string) identity.NodeID {
	sum := sha256.Sum256([]byte(name))
	return identity.NodeID(sum[:16])
}
