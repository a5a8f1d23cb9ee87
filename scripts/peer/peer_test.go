package peer

import (
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestSSH logs in and runs a command.
func TestSSH(t *testing.T) {
	if _, err := exec.LookPath("/usr/sbin/sshd"); err != nil {
		t.Skip("no sshd")
	}
	whoami, err := exec.CommandContext(t.Context(), "id", "-un").Output()
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	s, err := NewSSH(t.Context(), t.TempDir(), netip.MustParseAddrPort(free.Addr().String()), strings.TrimSpace(string(whoami)))
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), s.Server[0], s.Server[1:]...) //nolint:gosec // as prepared
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Wait() }()
	defer func() { _ = server.Process.Kill() }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := exec.CommandContext(t.Context(), s.Client[0], append(s.Client[1:], "echo", "$HOME")...).CombinedOutput() //nolint:gosec // likewise
		if err == nil {
			if !strings.HasSuffix(strings.TrimSpace(string(out)), "/home") {
				t.Errorf("home is %q, not the empty one", out)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v: %s", err, out)
		}
	}
}
