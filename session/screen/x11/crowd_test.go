//go:build linux

package x11

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"warren/session/screen"
)

// TestOneUserCrowdsOutNobody: a user who makes sockets, processes, files and keys
// for displays without end takes no place of another's.
func TestOneUserCrowdsOutNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("files of several users: run it as root")
	}
	const mallory, kim = 1001, 1002
	root := t.TempDir()
	write := func(uid int, path string, content []byte) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, filepath.Dir(path)} {
			if err := os.Chown(p, uid, uid); err != nil {
				t.Fatal(err)
			}
		}
	}
	keys := func(number string, n int) (all []byte) {
		for i := range n {
			all = append(all, 1, 0)
			for _, field := range []string{"h", number, cookieName, fmt.Sprintf("%-16d", i)} {
				all = binary.BigEndian.AppendUint16(all, uint16(len(field)))
				all = append(all, field...)
			}
		}
		return all
	}
	for n := range 300 {
		write(mallory, fmt.Sprintf("tmp/.X11-unix/X%d", n), nil)
	}
	write(kim, "tmp/.X11-unix/X700", nil)
	for n := range 100 {
		pid := 1000 + n
		write(mallory, fmt.Sprintf("proc/%d/environ", pid), []byte("DISPLAY=:700\x00XAUTHORITY=/keys\x00"))
		write(0, fmt.Sprintf("proc/%d/status", pid), []byte("Name:\tsu\nUid:\t1001\t0\t0\t0\n"))
		write(mallory, fmt.Sprintf("proc/%d/root/keys", pid), keys("700", 100))
	}
	write(kim, "proc/2000/environ", []byte("DISPLAY=:700\x00XAUTHORITY=/own\x00"))
	write(kim, "proc/2000/status", []byte("Name:\txterm\nUid:\t1002\t1002\t1002\t1002\n"))
	write(kim, "proc/2000/root/own", keys("700", 1))
	var listening strings.Builder
	listening.WriteString("Num RefCount Protocol Flags Type St Inode Path\n")
	for n := range 500 {
		fmt.Fprintf(&listening, "0: 2 0 00010000 1 1 7 @/tmp/.X11-unix/X%d\n", 5000+n)
	}
	write(0, "proc/net/unix", []byte(listening.String()))

	found := probe{proc: root + "/proc", roots: []string{root}, env: func(string) string { return "" }}.look()
	if n := len(found.places); n != maxPlaces {
		t.Errorf("%d displays", n)
	}
	for _, p := range found.places {
		if len(p.cookies) > maxCookies {
			t.Errorf("display %s has %d keys", p.name, len(p.cookies))
		}
		if p.name != ":700" {
			continue
		}
		for _, c := range p.cookies {
			if c.owner == kim {
				return
			}
		}
		t.Fatalf("none of the %d keys of :700 is its user's", len(p.cookies))
	}
	t.Error("the other user's display is not there")
}

// TestManyServersThatHang: of a user's that one does, the rest are not waited for.
func TestManyServersThatHang(t *testing.T) {
	s := startServer(t, "-screen", "0", "300x200x24")
	var f finding
	for n := range 4 {
		socket := filepath.Join(t.TempDir(), "X1")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f.places = append(f.places, place{name: fmt.Sprintf(":%d", n), number: n, socket: socket, owner: 1001})
	}
	own := s.place(t)
	own.owner = 1002
	f.places = append(f.places, own)
	k := New(Config{})
	k.find = func() finding { return f }
	begun := time.Now()
	d, err := k.Open(t.Context(), screen.Want{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if took := time.Since(begun); took > 2*connectTime {
		t.Errorf("they were waited for %v", took)
	}
}

// TestServerThatHangsLater lets in, and says nothing from then on.
func TestServerThatHangsLater(t *testing.T) {
	s := startServer(t, "-screen", "0", "300x200x24")
	at := between(t, s.place(t), func(c, x net.Conn) {
		greeting := make([]byte, 4<<10)
		n, _ := c.Read(greeting)
		_, _ = x.Write(greeting[:n])
		go func() { _, _ = io.Copy(c, x) }() // ends with x
		_, _ = io.Copy(io.Discard, c)
		x.Close()
		c.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*openTime)
	defer cancel()
	if d, err := openPlace(ctx, at); !errors.Is(err, os.ErrDeadlineExceeded) {
		if err == nil {
			_ = d.Close()
		}
		t.Errorf("a server that says nothing opens: %v", err)
	}
	if ctx.Err() != nil {
		t.Error("it is waited for without end")
	}
}

func TestFair(t *testing.T) {
	of := func(s string) uint32 { return uint32(s[0]) }
	all := strings.Fields("a1 a2 a3 a4 b1 b2 c1")
	for most, want := range map[int]string{9: "a1 a2 a3 a4 b1 b2 c1", 7: "a1 a2 a3 a4 b1 b2 c1", 5: "a1 b1 c1 a2 b2", 2: "a1 b1", 0: ""} {
		t.Run(strconv.Itoa(most), func(t *testing.T) {
			if got := strings.Join(fair(all, of, most), " "); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
