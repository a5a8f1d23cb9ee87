package platform

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"warren/node/fault"
)

func TestListenSocketReplacesOnlyTheDead(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	if d.Answers() {
		t.Error("nobody listens, yet it answers")
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: d.Socket(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := DialSocket(t.Context(), d); fault.KindOf(err) != fault.Unavailable || fault.Of(err).Hint != "warren up, after warren init --name MESH or warren join LINK" {
		t.Errorf("dialling the dead: %v, want unavailable", err)
	}

	l, err := ListenSocket(t.Context(), d.Socket())
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	info, err := os.Lstat(d.Socket())
	if err != nil || info.Mode().Perm() != SocketMode {
		t.Errorf("mode %v, %v; want 0666", info.Mode(), err)
	}
	if !d.Answers() {
		t.Error("it listens, yet does not answer")
	}
	if _, err := ListenSocket(t.Context(), d.Socket()); fault.KindOf(err) != fault.Conflict {
		t.Errorf("over a live one: %v, want a conflict", err)
	}
	if !d.Answers() {
		t.Error("the attempt took the live one's place")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(d.Socket()); !os.IsNotExist(err) {
		t.Errorf("closing left the socket: %v", err)
	}
}

func TestListenSocketRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	put(t, file, "precious", 0o600)
	tests := map[string]struct {
		path string
		kind fault.Kind
	}{
		"another kind of file": {file, fault.Conflict},
		"too long a path":      {filepath.Join(dir, strings.Repeat("x", 120), "warren.sock"), fault.Invalid},
		"no such folder":       {filepath.Join(dir, "none", "warren.sock"), fault.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ListenSocket(t.Context(), tt.path); fault.KindOf(err) != tt.kind {
				t.Errorf("got %v, want %v", err, tt.kind)
			}
		})
	}
	t.Cleanup(func() {
		if got, err := os.ReadFile(file); string(got) != "precious" {
			t.Errorf("the file is now %q, %v", got, err)
		}
	})
}

func TestPeerUID(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		if _, _, _, err := PeerUID(nil); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v, want unavailable", err)
		}
		return
	}
	d := Dir(t.TempDir())
	l, err := ListenSocket(t.Context(), d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn := accepted(t, l, func() (net.Conn, error) { return DialSocket(t.Context(), d) })
	uid, gid, pid, err := PeerUID(conn)
	if err != nil || uid != os.Getuid() || gid != os.Getgid() || pid != os.Getpid() {
		t.Errorf("got %d, %d, %d, %v; want this process", uid, gid, pid, err)
	}
}

func TestPeerUIDKnowsNobodyOutside(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp := accepted(t, l, func() (net.Conn, error) {
		return (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	})
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	for name, conn := range map[string]net.Conn{"tcp": tcp, "pipe": pipe} {
		if uid, _, _, err := PeerUID(conn); err == nil || uid != -1 {
			t.Errorf("%s: uid %d, %v; want an error", name, uid, err)
		}
	}
}

func accepted(t *testing.T, l net.Listener, dial func() (net.Conn, error)) net.Conn {
	t.Helper()
	client, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(); _ = server.Close() })
	return server
}
