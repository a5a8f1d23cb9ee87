//go:build linux

package x11

import (
	"fmt"
	"net"
	"os"
	"slices"
	"testing"

	"warren/session/screen"
)

// TestDisplaysToChooseFrom: all displays of the machine are named, and not what
// a dead server has left.
func TestDisplaysToChooseFrom(t *testing.T) {
	one, two := startServer(t, "-screen", "0", "300x200x24"), startServer(t, "-screen", "0", "300x200x24")
	left := ""
	for n := 7000; left == ""; n++ {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fmt.Sprintf("%s/X%d", sockets, n)})
		if err != nil {
			continue
		}
		left = fmt.Sprintf(":%d", n)
		l.SetUnlinkOnClose(false)
		l.Close()
		t.Cleanup(func() { _ = os.Remove(sockets + "/X" + left[1:]) })
	}
	layout, err := one.open(t).Layout()
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(layout.Displays, func(d screen.Named) bool { return d.Name == name })
	}
	if os.Geteuid() == 0 && !slices.Contains(layout.Displays, screen.Named{Name: two.name, Owner: "root"}) {
		t.Errorf("whose %s is: %v", two.name, layout.Displays)
	}
	if !has(one.name) || !has(two.name) || has(left) {
		t.Errorf("of %s, %s and the dead %s it names %v", one.name, two.name, left, layout.Displays)
	}
}
