//go:build linux

package x11

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"warren/session/screen"
	"warren/session/sessiontest"
)

// conversation is a connection on which a server has said all it will.
type conversation struct {
	net.Conn
	said *bytes.Reader
}

func (c conversation) Read(b []byte) (int, error) { return c.said.Read(b) }

// FuzzGuard: whatever a server says, what comes through is what it said, up to
// a message that is too long.
func FuzzGuard(f *testing.F) {
	setup := append([]byte{1, 0, 11, 0, 0, 0, 2, 0}, make([]byte, 8)...)
	reply := append([]byte{1, 0, 1, 0, 1, 0, 0, 0}, make([]byte, 28)...)
	event := append([]byte{28}, make([]byte, 31)...)
	f.Add(slices.Concat(setup, reply, event), uint8(7))
	f.Add(slices.Concat(setup, []byte{1, 0, 1, 0, 255, 255, 255, 255}, make([]byte, 40)), uint8(64))
	f.Add(slices.Concat(setup, append([]byte{35}, make([]byte, 31)...)), uint8(1))
	f.Fuzz(func(t *testing.T, said []byte, step uint8) {
		g := &guard{buffered: bufio.NewReader(conversation{said: bytes.NewReader(said)}), sent: 60_000}
		for i := range g.owed {
			g.owed[i] = 0x55
		}
		var got []byte
		b := make([]byte, int(step)+1)
		for {
			n, err := g.Read(b)
			got = append(got, b[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.HasPrefix(said, got) {
			t.Errorf("%x came through of %x", got, said)
		}
		if g.body > maxReply {
			t.Errorf("a message of %d bytes is let in", g.body)
		}
	})
}

func FuzzAuthority(f *testing.F) {
	f.Add(append([]byte{1, 0, 0, 1, 'h', 0, 1, '0', 0, 18}, append([]byte(cookieName), append([]byte{0, 16}, make([]byte, 16)...)...)...))
	f.Add([]byte{1, 0, 255, 255, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := parseAuthority(b)
		if err != nil && !errors.Is(err, errServer) {
			t.Errorf("an error of another kind: %v", err)
		}
		n := 0
		for _, e := range all {
			n += len(e.display) + len(e.name) + len(e.data)
		}
		if n > len(b) {
			t.Errorf("%d bytes were read from %d", n, len(b))
		}
	})
}

// TestImpostor: programs of anybody's that listen where a server would.
func TestImpostor(t *testing.T) {
	sessiontest.NoLeaks(t)
	roots := append([]byte{1, 0, 11, 0, 0, 0, 8, 0}, make([]byte, 32)...)
	for name, says := range map[string][]byte{
		"nothing":              nil,
		"noise":                bytes.Repeat([]byte{0xa5}, 1<<16),
		"a setup that is cut":  roots[:20],
		"a setup of zeros":     roots,
		"a refusal in excess":  append([]byte{0, 255, 11, 0, 0, 0, 1, 0}, make([]byte, 300)...),
		"screens in excess":    append([]byte{1, 0, 11, 0, 0, 0, 8, 0}, bytes.Repeat([]byte{255}, 32)...),
		"a reply without end":  append(slices.Clone(roots), 1, 0, 1, 0, 255, 255, 255, 255),
		"another protocol":     []byte("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
		"a refusal and no end": {0, 0, 11, 0, 0, 0, 255, 255},
	} {
		socket := filepath.Join(t.TempDir(), "X1")
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write(says)
				_, _ = io.Copy(io.Discard, c)
				c.Close()
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		d, err := openPlace(ctx, place{name: ":1", socket: socket})
		cancel()
		l.Close()
		if err == nil {
			d.Close()
			t.Errorf("%s: a display", name)
		}
	}
}

// TestProbe reads a machine that is made of files.
func TestProbe(t *testing.T) {
	root := t.TempDir()
	write := func(path, content string) string {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := func(number, cookie string) string {
		return "\x01\x00\x00\x01h\x00" + string(rune(len(number))) + number + "\x00\x12" + cookieName + "\x00\x10" + cookie
	}
	const first, second, third = "first-----------", "second----------", "third-----------"
	write("tmp/.X11-unix/X0", "")
	write("tmp/.X11-unix/X12", "")
	write("tmp/.X11-unix/Xnothing", "")
	write("run/user/1000/wayland-0", "")
	write("run/user/1000/wayland-0.lock", "")
	write("proc/net/unix", "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 00010000 1 1 7 @/tmp/.X11-unix/X3\n0: 2 0 00010000 1 1 7 @/tmp/.X11-unix/X0\n0: 3 0 00000000 1 3 8 @/tmp/.X11-unix/X4\n")
	write("proc/10/cmdline", "/usr/lib/xorg/Xorg\x00:0\x00-auth\x00/run/key\x00")
	write("proc/10/root/run/key", key("0", first)+key("5", third))
	write("proc/11/environ", "HOME=/home/a\x00DISPLAY=:12.0\x00")
	write("proc/11/root/home/a/.Xauthority", key("", second)+"\x01\x00 cut")
	write("proc/12/cmdline", "Xorg\x00-displayfd\x003\x00-auth\x00/run/gdm\x00")
	write("proc/12/root/run/gdm", key("3", third))
	write("proc/13/environ", "DISPLAY=elsewhere:0\x00XAUTHORITY=relative\x00")
	env := map[string]string{"DISPLAY": "elsewhere:12"}
	own := probe{proc: root + "/proc", roots: []string{root}, env: func(name string) string { return env[name] }}
	got := own.look()
	type want struct {
		name, cookie string
		abstract     bool
	}
	var seen []want
	for _, p := range got.places {
		w := want{name: p.name, abstract: p.socket[0] == '@'}
		for _, c := range p.cookies {
			w.cookie += string(c.data)
		}
		seen = append(seen, w)
	}
	if !slices.Equal(seen, []want{{":0", first, false}, {":3", third, true}, {":12", second, false}}) {
		t.Errorf("displays %v", seen)
	}
	env["DISPLAY"] = ":3.0"
	if first := own.look().places; len(first) != 3 || first[0].name != ":3" || first[1].name != ":0" {
		t.Errorf("with a display of its own: %v", first)
	}
	if !slices.Equal(got.wayland, []string{"/run/user/1000/wayland-0"}) {
		t.Errorf("Wayland sessions %q", got.wayland)
	}
	for name, number := range map[string]int{":1": 1, "1": 1, ":1.0": 1, ":": -1, "a:0": -1, "": -1, ":-1": -1, ":99999": -1} {
		if n, err := displayNumber(name); (err == nil) != (number >= 0) || err == nil && n != number {
			t.Errorf("%q is display %d, %v", name, n, err)
		}
	}
	var no *screen.Unavailable
	if err := unavailable(finding{}, nil); !errors.As(err, &no) {
		t.Errorf("a machine without displays: %v", err)
	}
}

// TestRepliesThatLie: what a reply counts is held against what it has before
// anything is made of that size.
func TestRepliesThatLie(t *testing.T) {
	head := func(set func([]byte), body int) []byte {
		b := make([]byte, replyHead+body)
		b[0] = 1
		set(b)
		return b
	}
	much := func(at ...int) func([]byte) {
		return func(b []byte) {
			for _, i := range at {
				b[i] = 0xff
			}
		}
	}
	if _, err := readMonitors(head(much(12, 13, 14, 15), monitorSize)); !errors.Is(err, errServer) {
		t.Errorf("4,294,967,295 monitors: %v", err)
	}
	if _, err := readMonitors(head(func(b []byte) { b[12], b[replyHead+6] = 1, 9 }, monitorSize)); !errors.Is(err, errServer) {
		t.Errorf("outputs that are not there: %v", err)
	}
	if m, err := readMonitors(head(func(b []byte) { b[12], b[replyHead+12], b[replyHead+14] = 1, 7, 8 }, monitorSize)); err != nil || len(m) != 1 || m[0].bounds.Dx() != 7 {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := propertyIn(head(func(b []byte) { much(16, 17, 18, 19)(b); b[1] = 32 }, 8)); !errors.Is(err, errServer) {
		t.Errorf("a property of 16 GiB: %v", err)
	}
	if p, err := propertyIn(head(func(b []byte) { b[1], b[16] = 8, 3 }, 4)); err != nil || len(p.value) != 3 {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := readCursor(head(much(12, 13, 14, 15), 64)); !errors.Is(err, errServer) {
		t.Errorf("a cursor of 65,535 by 65,535: %v", err)
	}
	if c, err := readCursor(head(func(b []byte) { b[12], b[14] = 2, 2 }, 16)); err != nil || len(c.argb) != 4 {
		t.Errorf("%v, %v", c, err)
	}
}

// TestKeysAreForTheirOwners: a key is shown to root's servers and to those of
// the user whose file it is, and files are looked at before they are opened.
func TestKeysAreForTheirOwners(t *testing.T) {
	mine := cookie{owner: 1000}
	for server, want := range map[uint32]bool{0: true, 1000: true, 1001: false} {
		if mine.fits(server) != want {
			t.Errorf("a server of user %d: %v", server, !want)
		}
	}
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "X"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", filepath.Join(dir, "X"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if uid, err := listens(c); err != nil || int(uid) != os.Getuid() {
		t.Errorf("the server is user %d: %v", uid, err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "X", "none", "."} {
		if f, _, err := openRegular(filepath.Join(dir, name)); err == nil {
			f.Close()
			t.Errorf("%s was opened", name)
		}
	}
}

// TestAnswersToNothing: answers that xgb would wait for ever with end the
// connection.
func TestAnswersToNothing(t *testing.T) {
	asked := func() *guard {
		g := &guard{}
		for _, major := range []byte{43, 1, 43, 2, 2} { // two of them have replies
			g.count([]byte{major, 0})
		}
		return g
	}
	for name, said := range map[string][]struct {
		number uint16
		reply  bool
		bad    bool
	}{
		"in order":                   {{1, true, false}, {2, false, false}, {3, true, false}, {5, false, false}},
		"without errors":             {{1, true, false}, {3, true, false}},
		"an error for a reply":       {{1, false, false}, {3, true, false}},
		"the same again":             {{1, true, false}, {1, true, true}},
		"of the future":              {{6, false, true}},
		"of before all":              {{0, false, true}},
		"a reply that is left out":   {{3, true, true}},
		"an error that comes late":   {{1, true, false}, {3, true, false}, {2, false, true}},
		"a reply to what has none":   {{1, true, false}, {2, true, true}},
		"a reply far behind the end": {{40_000, true, true}},
	} {
		g := asked()
		for _, s := range said {
			if err := g.expected(s.number, s.reply); (err != nil) != s.bad {
				t.Errorf("%s: answer to %d: %v", name, s.number, err)
			}
		}
	}
	g := &guard{}
	for range 3 << 16 { // the numbers begin anew
		g.count([]byte{43, 0})
		if err := g.expected(g.sent, true); err != nil {
			t.Fatal(err)
		}
	}
}
