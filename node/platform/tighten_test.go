//go:build unix

package platform

import (
	"os"
	"slices"
	"testing"
)

func TestTighten(t *testing.T) {
	d := Dir(t.TempDir())
	for i := range 2 {
		if err := WriteFile(d.NodeKey(), []byte{byte(i)}, KeyMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteFile(d.View(), nil, KeyMode); err != nil {
		t.Fatal(err)
	}
	if got := d.Tighten(d.NodeKey(), d.View(), d.TechnicianKey()); len(got) != 0 {
		t.Errorf("nothing was open, and %v are named", got)
	}
	for _, p := range []string{d.NodeKey(), d.NodeKey() + PreviousSuffix} {
		if err := os.Chmod(p, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.Tighten(d.NodeKey(), d.View()); !slices.Equal(got, []string{"node.key", "node.key.prev"}) {
		t.Errorf("named are %v", got)
	}
	for _, p := range []string{d.NodeKey(), d.NodeKey() + PreviousSuffix} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != KeyMode {
			t.Errorf("%s has mode %v, %v", p, info.Mode(), err)
		}
	}
	if data, _, err := ReadFile(d.NodeKey()); err != nil || len(data) != 1 {
		t.Errorf("the key reads as %v, %v", data, err)
	}
}
