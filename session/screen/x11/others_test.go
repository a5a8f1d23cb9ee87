//go:build linux

package x11

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"syscall"
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

// startNumbered runs a server whose number no other program takes when it ends:
// they take the lowest.
func startNumbered(t *testing.T) *server {
	return startServer(t, fmt.Sprintf(":%d", 2000+rand.IntN(5000)), "-screen", "0", "300x200x24")
}

// TestDisplaysComeAndGo: who looks at one display learns of another that
// begins, and that it has ended, in order or not; and of what is left when
// their own ends.
func TestDisplaysComeAndGo(t *testing.T) {
	one := startNumbered(t)
	d := one.open(t)
	names := func() (out []string) {
		all, _ := d.Displays()
		for _, o := range all {
			out = append(out, o.Name)
		}
		return out
	}
	for _, end := range []os.Signal{syscall.SIGTERM, os.Kill} {
		two := startNumbered(t)
		until(t, two.name+" in the list", func() bool { return slices.Contains(names(), two.name) })
		l, err := d.Layout()
		if err != nil || !slices.ContainsFunc(l.Displays, func(o screen.Named) bool { return o.Name == two.name }) {
			t.Errorf("the layout names %v, %v", l.Displays, err)
		}
		if _, changed := d.Displays(); changed {
			t.Error("the same is told twice")
		}
		if err := two.process.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		until(t, two.name+" out of the list", func() bool { return !slices.Contains(names(), two.name) })
		if !slices.Contains(names(), one.name) {
			t.Errorf("its own, %s, is not in %v", one.name, names())
		}
	}
	three := startNumbered(t)
	if err := one.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	until(t, "the end", func() bool {
		_, err := d.Damage()
		return errors.Is(err, screen.ErrGone)
	})
	until(t, "what is left", func() bool { return slices.Contains(names(), three.name) && !slices.Contains(names(), one.name) })
}

// TestNoSuchDisplay names what there is.
func TestNoSuchDisplay(t *testing.T) {
	one := startServer(t, "-screen", "0", "300x200x24")
	var no *screen.Unavailable
	_, err := New(Config{}).Open(t.Context(), screen.Want{Display: ":65535"})
	if !errors.As(err, &no) || !slices.ContainsFunc(no.Displays, func(o screen.Named) bool { return o.Name == one.name }) {
		t.Errorf("%v, and there are %v", err, no)
	}
}

// BenchmarkSigns is what a session does each second.
func BenchmarkSigns(b *testing.B) {
	p := newProbe()
	for b.Loop() {
		p.sockets()
	}
}
