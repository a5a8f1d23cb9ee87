package virtual

import (
	"bytes"
	"context"
	"errors"
	"image"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"warren/session/screen"
	"warren/session/screen/words"
	"warren/session/screen/x11"
)

// bare is a machine without a display of its own.
type bare struct{ real screen.Desk }

func (b bare) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	if want.Display == "" {
		return nil, &screen.Unavailable{Said: words.NoServer.Say()}
	}
	return b.real.Open(ctx, want)
}

// desk makes displays as a user that every Debian has.
func desk() *Desk {
	return New(Config{Inner: bare{x11.New(x11.Config{})}, User: "games"})
}

func open(t *testing.T, k *Desk, want screen.Want) screen.Display {
	t.Helper()
	d, err := k.Open(t.Context(), want)
	if err != nil {
		t.Fatalf("%v; try: scripts/setup.sh base", err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// processes are those that belong to a display, with their users.
func processes(t *testing.T, display string) (n int, root bool) {
	t.Helper()
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, _ := os.ReadFile(dir + "/environ")
		line, _ := os.ReadFile(dir + "/cmdline")
		name, _ := os.ReadFile(dir + "/comm")
		ours := bytes.Contains(env, []byte("DISPLAY="+display+"\x00")) && bytes.Contains(env, []byte("warren-display-")) ||
			strings.HasPrefix(string(name), "Xvfb") && bytes.Contains(line, []byte("warren-display-"))
		if !ours {
			continue
		}
		n++
		status, _ := os.ReadFile(dir + "/status")
		root = root || bytes.Contains(status, []byte("\nUid:\t0\t"))
	}
	return n, root
}

// TestDisplayOnDemand: a display of the viewer's size comes when it is needed,
// is one for all, belongs to another user than root, and goes with the last.
func TestDisplayOnDemand(t *testing.T) {
	k := desk()
	if _, err := k.Open(t.Context(), screen.Want{}); err == nil {
		t.Fatal("a display came unasked")
	}
	first := open(t, k, screen.Want{Virtual: true, Size: image.Pt(801, 603)})
	l, err := first.Layout()
	if err != nil || l.Size != image.Pt(801, 603) {
		t.Fatalf("%v, %v", l.Size, err)
	}
	if _, ok := first.(screen.Person); ok {
		t.Error("somebody is said to sit there")
	}
	second := open(t, k, screen.Want{Virtual: true, Size: image.Pt(99, 99)})
	third := open(t, k, screen.Want{Display: first.Name()})
	if second.Name() != first.Name() || third.Name() != first.Name() {
		t.Errorf("displays %s, %s, %s", first.Name(), second.Name(), third.Name())
	}
	managed := func() bool { n, _ := processes(t, first.Name()); return n >= 2 }
	for deadline := time.Now().Add(20 * time.Second); !managed(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there is no window manager")
		}
	}
	if _, root := processes(t, first.Name()); root {
		t.Error("a part of it runs as root")
	}
	// Without its key the display is closed.
	cmd := exec.CommandContext(t.Context(), "xclip", "-display", first.Name(), "-o")
	cmd.Env = []string{"HOME=/nonexistent", "XAUTHORITY=/nonexistent"}
	if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("Can't open display")) {
		t.Errorf("without the key: %v, %s", err, out)
	}
	first.Close()
	second.Close()
	if _, err := third.Layout(); err != nil {
		t.Errorf("it ended under a session: %v", err)
	}
	third.Close()
	third.Close() // twice is once
	if n, _ := processes(t, first.Name()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	again := open(t, k, screen.Want{Virtual: true})
	if l, err := again.Layout(); err != nil || l.Size != image.Pt(1920, 1080) {
		t.Errorf("%v, %v", l.Size, err)
	}
}

// programsOf puts scripts before the programs of the machine.
func programsOf(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // the display's user runs what is there
			t.Fatal(err)
		}
	}
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil { //nolint:gosec // it has to run
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestDisplayThatEndsIsNotHandedOut: who comes while it ends waits for that.
func TestDisplayThatEndsIsNotHandedOut(t *testing.T) {
	programsOf(t, map[string]string{"openbox": "trap '' TERM\nwhile :; do sleep 1; done\n"}) // it takes its time
	k := desk()
	first := open(t, k, screen.Want{Virtual: true})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if n, _ := processes(t, first.Name()); n >= 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("there is no window manager")
		}
	}
	time.Sleep(100 * time.Millisecond) // the script has to get to its trap
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		first.Close()
	}()
	for ending := false; !ending; time.Sleep(time.Millisecond) {
		k.mu.Lock()
		ending = k.running == nil
		k.mu.Unlock()
	}
	d, err := k.Open(t.Context(), screen.Want{Display: first.Name()})
	var none *screen.Unavailable
	if !errors.As(err, &none) {
		t.Errorf("a display that is about to end: %v", err)
	}
	if err == nil {
		d.Close()
	}
	<-closed
}

// TestWaitingForAStartEnds: with whoever waits.
func TestWaitingForAStartEnds(t *testing.T) {
	programsOf(t, map[string]string{"Xvfb": "sleep 60\n", "openbox": ""})
	k := desk()
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := k.Open(ctx, screen.Want{Virtual: true})
		first <- err
	}()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if n, _ := processes(t, "none"); n > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is started")
		}
	}
	waiting, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	begun := time.Now()
	if _, err := k.Open(waiting, screen.Want{Virtual: true}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ends with %v", err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it waited for %v", took)
	}
	cancel()
	begun = time.Now()
	if err := <-first; err == nil {
		t.Error("a display without a server")
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the start ended after %v", took)
	}
}

// TestNotInstalled: what is missing is named, with packages.
func TestNotInstalled(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	fails := func(word string) {
		t.Helper()
		_, err := desk().Open(t.Context(), screen.Want{Virtual: true})
		var none *screen.Unavailable
		if !errors.As(err, &none) || !strings.Contains(none.Error(), "install "+word) || !strings.Contains(none.Error(), "openbox") {
			t.Errorf("%v", err)
		}
	}
	fails("xvfb")
	if err := os.WriteFile(filepath.Join(dir, "Xvfb"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil { //nolint:gosec // it has to run
		t.Fatal(err)
	}
	fails("openbox")
	if err := os.WriteFile(filepath.Join(dir, "openbox"), []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // it has to run
		t.Fatal(err)
	}
	if _, err := desk().Open(t.Context(), screen.Want{Virtual: true}); err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("an Xvfb that ends at once: %v", err)
	}
}

func TestWhom(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		uid  int
		want string // in the error; empty where there is none
	}{
		{"", 0, "was not told as whom"},
		{"root", 0, "do not run as root"},
		{"no-such-user-here", 0, "is not on this machine"},
		{"games", 0, ""},
		{"", os.Getuid() + 1000, "was not told to do"},
		{me.Username, os.Getuid() + 1000, ""},
	} {
		who, err := whom(test.name, test.uid)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q: %v, want %q", test.name, err, test.want)
		}
		if err == nil && test.uid == 0 && (who.credential == nil || who.credential.Uid == 0) {
			t.Errorf("%q runs as %+v", test.name, who.credential)
		}
	}
}
