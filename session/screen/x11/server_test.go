//go:build linux

package x11

import (
	"bufio"
	"context"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
)

// server is an Xvfb of a test's own.
type server struct {
	name    string
	process *exec.Cmd
	link    *link // a client that paints
	gc      xproto.Gcontext
}

// startServer runs Debian's Xvfb (scripts/packages.txt) until the test ends.
func startServer(t testing.TB, arguments ...string) *server {
	t.Helper()
	return startServerAs(t, nil, arguments...)
}

func startServerAs(t testing.TB, user *syscall.Credential, arguments ...string) *server {
	t.Helper()
	told, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	cmd := exec.Command("Xvfb", append([]string{"-displayfd", "3", "-nolisten", "tcp", "-noreset"}, arguments...)...)
	cmd.ExtraFiles = []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	if err := cmd.Start(); err != nil {
		t.Fatalf("Xvfb: %v; try: scripts/setup.sh base", err)
	}
	tell.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	number, err := bufio.NewReader(told).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb did not start: %v", err)
	}
	s := &server{name: ":" + strings.TrimSpace(number), process: cmd}
	if s.link, err = connect(context.Background(), s.place(t), func(*link, event) {}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.link.Close() })
	if s.gc, err = xproto.NewGcontextId(s.link.Conn); err != nil {
		t.Fatal(err)
	}
	xproto.CreateGC(s.link.Conn, s.gc, xproto.Drawable(s.link.screen.Root), xproto.GcSubwindowMode, []uint32{xproto.SubwindowModeIncludeInferiors})
	return s
}

// startNobodys runs a server with a key as another user; only root can.
func startNobodys(t *testing.T) *server {
	t.Helper()
	authority := filepath.Join(openFolder(t), "key")
	cookie := []byte("0123456789abcdef")
	b := append([]byte{1, 0, 0, 4, 'h', 'o', 's', 't', 0, 0, 0, byte(len(cookieName))}, cookieName...)
	if err := os.WriteFile(authority, append(append(b, 0, 16), cookie...), 0o644); err != nil {
		t.Fatal(err)
	}
	return startServerAs(t, &syscall.Credential{Uid: nobody, Gid: nobody}, "-screen", "0", "300x200x24", "-auth", authority)
}

// openFolder is one that other users can read.
func openFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for dir := folder; dir != "/tmp" && len(dir) > 1; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func (s *server) place(t testing.TB) place {
	t.Helper()
	for _, p := range newProbe().look().places {
		if p.name == s.name {
			return p
		}
	}
	t.Fatalf("the probe does not find %s", s.name)
	return place{}
}

// open is a session's connection to the server.
func (s *server) open(t testing.TB) *Display {
	t.Helper()
	return s.openAt(t, New(Config{}))
}

func (s *server) openAt(t testing.TB, desk *Desk) *Display {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, err := desk.Open(ctx, screen.Want{Display: s.name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Close()
		cancel()
	})
	return d.(*Display) //nolint:forcetypeassert // ours
}

// fill paints a rectangle, and returns when the server has done it.
func (s *server) fill(t testing.TB, r image.Rectangle, colour uint32) {
	t.Helper()
	xproto.ChangeGC(s.link.Conn, s.gc, xproto.GcForeground, []uint32{colour})
	err := xproto.PolyFillRectangleChecked(s.link.Conn, xproto.Drawable(s.link.screen.Root), s.gc, []xproto.Rectangle{{
		X: int16(r.Min.X), Y: int16(r.Min.Y), Width: uint16(r.Dx()), Height: uint16(r.Dy()),
	}}).Check()
	if err != nil {
		t.Fatal(err)
	}
}

// between gives a place where a server is reached through join, which is given
// each client and its connection to the server.
func between(t *testing.T, at place, join func(client, server net.Conn)) place {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "X1")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	server := at.socket
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			x, err := net.Dial("unix", server)
			if err != nil {
				return
			}
			join(c, x)
		}
	}()
	at.socket = socket
	return at
}
