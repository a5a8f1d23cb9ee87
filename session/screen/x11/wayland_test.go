//go:build linux

package x11

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"

	"warren/session/screen"
	"warren/session/screen/words"
)

// TestWaylandIsNamed: a real Wayland session, Debian's Weston without a screen,
// is found, and so is the X server beside it, which shows nothing of it; both
// are refused with a sentence that says so.
func TestWaylandIsNamed(t *testing.T) {
	for _, program := range []string{"weston", "Xwayland"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v; try: scripts/setup.sh base", err)
		}
	}
	root := t.TempDir()
	runtime := filepath.Join(root, "run/user/1000")
	if err := os.MkdirAll(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(root, "weston.log")
	cmd := exec.Command("weston", "--backend=headless-backend.so", "--xwayland", "--no-config", "--idle-time=0", "--socket=wayland-7", "--log="+log)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+runtime, "WAYLAND_DISPLAY=", "DISPLAY=")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it removes its sockets
		_ = cmd.Wait()
	})
	said := func() string { b, _ := os.ReadFile(log); return string(b) }
	display := regexp.MustCompile(`listening on display (:\d+)`)
	eventually(t, "the session listens", func() bool {
		_, err := os.Stat(filepath.Join(runtime, "wayland-7"))
		return err == nil && display.MatchString(said())
	})
	p := newProbe()
	p.roots = []string{root}
	found := p.look()
	if len(found.wayland) != 1 || found.wayland[0] != "/run/user/1000/wayland-7" {
		t.Errorf("sessions %v", found.wayland)
	}
	says := func(err error) {
		t.Helper()
		var no *screen.Unavailable
		if !errors.As(err, &no) || no.Said.Code != words.Wayland {
			t.Errorf("%v, want: %s", err, words.Wayland.Say())
		}
	}
	says(unavailable(finding{wayland: found.wayland}, nil))
	name := display.FindStringSubmatch(said())[1]
	var err error
	eventually(t, "the server in it answers", func() bool { // Weston starts it with the first who asks
		var d *Display
		if d, err = openPlace(t.Context(), place{name: name, socket: fmt.Sprintf("%s/X%s", sockets, name[1:])}); err == nil {
			_ = d.Close()
		}
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, os.ErrDeadlineExceeded)
	})
	says(err)
}
