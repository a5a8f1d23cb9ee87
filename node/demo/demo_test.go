package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"warren/node/fault"
)

func TestPortsAreApartAndFree(t *testing.T) {
	t.Parallel()
	ports, err := freePorts(5)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, base := range ports {
		for p := base; p < base+4; p++ {
			if seen[p] {
				t.Errorf("port %d is given twice: %v", p, ports)
			}
			seen[p] = true
		}
	}
	// One in use is passed over, whichever of the four it is.
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports[1]+2))
	if err != nil {
		t.Skipf("another program has taken it meanwhile: %v", err)
	}
	defer taken.Close()
	if free(ports[1]) {
		t.Errorf("port %d counts as free although %s is not", ports[1], taken.Addr())
	}
}

func TestAFolderIsClaimed(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	fresh := filepath.Join(parent, "fresh")
	if err := claim(fresh); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(fresh); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	// What a killed demo left is cleared away.
	left := filepath.Join(fresh, "hq")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := claim(fresh); err != nil {
		t.Errorf("after a demo that was killed: %v", err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	// What is no demo's is left alone.
	mine := filepath.Join(parent, "mine")
	if err := os.MkdirAll(filepath.Join(mine, "thesis"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := claim(mine); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a folder with something in it: %v", err)
	}
	if _, err := os.Stat(filepath.Join(mine, "thesis")); err != nil {
		t.Error(err)
	}
	if err := claim(filepath.Join(mine, "thesis", "below", "a", "file")); err != nil {
		t.Errorf("a folder whose parents are missing: %v", err)
	}
}

func TestAskWithoutADemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	_, err := Ask(t.Context(), dir, "status")
	if want := "warren: no demo runs in " + dir + "; try: warren demo"; fault.Format(err) != want || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %q, want %q", fault.Format(err), want)
	}
	// Nor with a socket that nobody serves.
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socketPath(dir))
	if err != nil {
		t.Skipf("no socket in %s: %v", dir, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close()
	if _, err := Ask(t.Context(), dir, "status"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestTheDemoObeys(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "demo") //nolint:usetesting // a short name, for the socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	d := &Demo{cfg: Config{Dir: dir}}
	d.nodes = []*process{{demo: d, name: "hq", role: "controller"}, {demo: d, name: "desk", role: "technician"}}
	l, err := net.Listen("unix", socketPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.serve(ctx, l) }()
	for command, want := range map[string]fault.Kind{
		"status": 0, "stop": fault.Invalid, "stop hq desk": fault.Invalid, "": fault.Invalid, "burn hq": fault.Invalid,
		"stop nosuch": fault.NotFound, "stop hq": fault.Conflict, "stop controllers": fault.Conflict,
		strings.Repeat("x", 1000): fault.Unavailable,
	} {
		s, err := Ask(t.Context(), dir, command)
		if fault.KindOf(err) != want {
			t.Errorf("%.20q: %v, want %v", command, err, want)
		}
		if want == 0 && (len(s.Nodes) != 2 || s.Nodes[0].Running || s.Nodes[1].Name != "desk") {
			t.Errorf("%q: %+v", command, s)
		}
	}
	// Who connects and says nothing is not waited for for ever, and who sends
	// no line is not answered.
	mute, err := net.Dial("unix", socketPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	_ = mute.Close()
	if _, err := Ask(t.Context(), dir, "status"); err != nil {
		t.Errorf("after one that said nothing: %v", err)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("serve does not end")
	}
}
