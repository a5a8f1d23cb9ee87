//go:build linux

package x11

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/sessiontest"
)

// holder makes this program a node that holds keys on a display.
const holder = "hold-keys"

// withHeirs has desks start an heir, which is this program.
func withHeirs(folder string) Config {
	return Config{Folder: folder, Heir: []string{"/proc/self/exe", "x11.test"}}
}

func TestMain(m *testing.M) {
	if code, ours := Inherit(os.Args); ours {
		os.Exit(code)
	}
	if len(os.Args) == 4 && os.Args[1] == holder {
		if err := hold(os.Args[2], os.Args[3]); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// hold holds two keys, three buttons and a borrowed keycode on a display, says
// which, and never ends.
func hold(display, folder string) error {
	ctx := context.Background()
	d, err := New(withHeirs(folder)).Open(ctx, screen.Want{Display: display})
	if err != nil {
		return err
	}
	own, err := d.Seat(ctx, screen.SeatOptions{Request: session.Request{Verb: "control"}})
	if err != nil {
		return err
	}
	s := own.(*seat) //nolint:forcetypeassert // ours
	own.Look(image.Rect(0, 0, 640, 480))
	for _, in := range []*warrenv1.ScreenInput{
		{Input: &warrenv1.ScreenInput_Text{Text: "☃"}},
		{Input: &warrenv1.ScreenInput_Key{Key: &warrenv1.ScreenKey{Code: "ShiftLeft", Key: "Shift", Down: true, Modifiers: 1}}},
		{Input: &warrenv1.ScreenInput_Key{Key: &warrenv1.ScreenKey{Code: "KeyA", Key: "A", Down: true, Modifiers: 1}}},
		{Input: &warrenv1.ScreenInput_Pointer{Pointer: &warrenv1.ScreenPointer{X: 10, Y: 10, Buttons: 1 | 4 | 16}}},
	} {
		if err := s.Take(ctx, in); err != nil {
			return err
		}
	}
	fmt.Println("holds", s.board.Mapped()[0])
	select {}
}

// node runs a process that holds keys, and gives the keycode that it borrowed.
func (s *server) node(t *testing.T, user *syscall.Credential) (process *os.Process, folder string, borrowed xproto.Keycode) {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(openFolder(t), "node")
	folder = openFolder(t)
	if user != nil {
		if err := os.Chown(folder, int(user.Uid), int(user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, holder, s.name, folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	cmd.Env = []string{} // no place for cover profiles, no other display
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	number, ok := strings.CutPrefix(strings.TrimSpace(line), "holds ")
	code, bad := strconv.Atoi(number)
	if err != nil || !ok || bad != nil {
		t.Fatalf("the node says %q, %v", line, err)
	}
	return cmd.Process, folder, xproto.Keycode(code) //nolint:gosec // a keycode
}

// heirs are the children of a process that wait to inherit.
func heirs(t *testing.T, node int) (pids []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		cmdline, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if len(fields) > 1 && fields[1] == strconv.Itoa(node) && strings.HasSuffix(string(cmdline), "\x00"+letGoWord+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// keysym is what a keycode gives.
func (s *server) keysym(t *testing.T, c xproto.Keycode) xproto.Keysym {
	t.Helper()
	m, err := xproto.GetKeyboardMapping(s.link.Conn, c, 1).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return m.Keysyms[0]
}

// TestKilledNodeHoldsNothing: the keys, the buttons and the borrowed keycodes of
// a node that is killed are let go of at once, by a process that has waited for
// that, even where somebody ends that at the same time; then it ends.
func TestKilledNodeHoldsNothing(t *testing.T) {
	t.Run("own display", func(t *testing.T) { killed(t, startServer(t, "-screen", "0", "640x480x24"), nil) })
	if os.Geteuid() != 0 {
		return // other users take root
	}
	t.Run("with a key", func(t *testing.T) { killed(t, startNobodys(t), nil) })
	t.Run("without root", func(t *testing.T) { killed(t, startNobodys(t), &syscall.Credential{Uid: nobody, Gid: nobody}) })
}

func killed(t *testing.T, s *server, user *syscall.Credential) {
	_, clicks := s.window(t)
	node, _, borrowed := s.node(t, user)
	if s.down(t) != 2 || s.keysym(t, borrowed) == 0 {
		t.Fatalf("%d keys are down, keycode %d gives %x", s.down(t), borrowed, s.keysym(t, borrowed))
	}
	eventually(t, "there is an heir", func() bool { return len(heirs(t, node.Pid)) == 1 })
	heir := heirs(t, node.Pid)[0]
	ours, _ := os.Readlink("/proc/self/ns/user")
	if its, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", heir)); its == ours {
		t.Log("no namespaces are permitted here")
	} else if user == nil && os.Geteuid() == 0 {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", heir))
		if err != nil || !strings.Contains(string(status), "\nUid:\t65534\t65534\t65534\t65534\n") || !strings.Contains(string(status), "\nCapEff:\t0000000000000000\n") {
			t.Errorf("the heir runs as\n%s%v", status, err)
		}
	}
	eventually(t, "it ignores who asks it to end", func() bool { return ignores(heir, syscall.SIGTERM) })
	t.Logf("an heir has %d KiB of its own", memory(heir))
	began := time.Now()
	if err := node.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(heir, syscall.SIGTERM)
	s.atRest(t)
	t.Logf("all is let go after %s", time.Since(began))
	eventually(t, "the keycode is given back", func() bool { return s.keysym(t, borrowed) == 0 })
	eventually(t, "the buttons came up", func() bool { return strings.Count(clicks(), "-") == 3 && strings.Contains(clicks(), "-9 ") })
	eventually(t, "the heir ends", func() bool { return syscall.Kill(heir, 0) != nil })
}

// TestHeirKilledToo: where nobody is left to let go of what was held, the
// service manager has it done with what was noted, and so does the next session.
func TestHeirKilledToo(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	kill := func() (folder string, borrowed xproto.Keycode) {
		t.Helper()
		node, folder, borrowed := s.node(t, nil)
		eventually(t, "there is an heir", func() bool { return len(heirs(t, node.Pid)) == 1 })
		heir := heirs(t, node.Pid)[0]
		if err := errors.Join(syscall.Kill(heir, syscall.SIGKILL), node.Kill()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "both have ended", func() bool { return syscall.Kill(heir, 0) != nil })
		if s.down(t) != 2 || s.keysym(t, borrowed) == 0 {
			t.Fatalf("%d keys are down, keycode %d gives %x", s.down(t), borrowed, s.keysym(t, borrowed))
		}
		return folder, borrowed
	}
	folder, borrowed := kill()
	if err := os.WriteFile(filepath.Join(folder, "no display"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("/proc/self/exe", letGoWord, folder).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v, it says %q", err, out)
	}
	s.atRest(t)
	if got := s.keysym(t, borrowed); got != 0 {
		t.Errorf("the borrowed keycode gives %x", got)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("notes are left: %v, %v", left, err)
	}
	if out, err := exec.Command("/proc/self/exe", letGoWord, filepath.Join(folder, "none")).CombinedOutput(); err != nil {
		t.Errorf("without notes: %v, %q", err, out)
	}

	folder, borrowed = kill()
	d, err := New(Config{Folder: folder}).Open(t.Context(), screen.Want{Display: s.name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	own, err := d.Seat(t.Context(), screen.SeatOptions{Request: session.Request{Verb: "control"}})
	if err != nil {
		t.Fatal(err)
	}
	s.atRest(t)
	if got := s.keysym(t, borrowed); got != 0 {
		t.Errorf("the borrowed keycode gives %x", got)
	}
	if err := own.Close(); err != nil {
		t.Error(err)
	}
}

// ignores tells that a process does so with a signal.
func ignores(pid int, s syscall.Signal) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if mask, ok := strings.CutPrefix(line, "SigIgn:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && bits&(1<<(s-1)) != 0
		}
	}
	return false
}

// memory is what a process has written that no other shares, in KiB; 0 where
// that is not known.
func memory(pid int) (kib int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Private_Dirty:" {
			kib, _ = strconv.Atoi(f[1])
		}
	}
	return kib
}

// TestHeirEndsWithTheLastSeat and not before, and does nothing then: what
// another program holds is not the node's.
func TestHeirEndsWithTheLastSeat(t *testing.T) {
	sessiontest.NoLeaks(t)
	s := startServer(t, "-screen", "0", "640x480x24")
	folder := t.TempDir()
	desk := New(withHeirs(folder))
	sit := func() typist { return s.sitAt(t, desk, session.Rights{}, nil) }
	first, second := sit(), sit()
	if n := len(heirs(t, os.Getpid())); n != 0 {
		t.Errorf("%d heirs of those who hold nothing", n)
	}
	first.strike("KeyA", "a", 0)
	second.strike("KeyB", "b", 0)
	eventually(t, "there is one heir", func() bool { return len(heirs(t, os.Getpid())) == 1 })
	if err := s.link.extension(extTest); err != nil {
		t.Fatal(err)
	}
	const ofAnother = 38
	(keyboard{s.link}).press(ofAnother, true)
	for i, y := range []typist{second, first} {
		if n := len(heirs(t, os.Getpid())); n != 1 {
			t.Errorf("%d heirs of %d seats", n, 2-i)
		}
		if err := y.seat.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := len(heirs(t, os.Getpid())); n != 0 {
		t.Errorf("%d heirs are left", n)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("notes are left: %v, %v", left, err)
	}
	if s.down(t) != 1 {
		t.Error("what another program held was let go")
	}
	(keyboard{s.link}).press(ofAnother, false)

	// One that does nothing any more stops nobody.
	last := sit()
	last.strike("KeyA", "a", 0)
	eventually(t, "there is an heir", func() bool { return len(heirs(t, os.Getpid())) == 1 })
	if err := syscall.Kill(heirs(t, os.Getpid())[0], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := last.seat.Close(); err != nil {
		t.Error(err)
	}
	if n := len(heirs(t, os.Getpid())); n != 0 {
		t.Errorf("%d heirs are left", n)
	}
}

// TestHeirIsNotForPeople: who starts one by hand is told, with a code.
func TestHeirIsNotForPeople(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", letGoWord)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), letGoWord+" is for the node alone") {
		t.Errorf("%v, it says %q", err, out)
	}
}
