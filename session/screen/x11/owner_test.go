//go:build linux

package x11

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestWhoseDisplay: a display's owner is whom its server runs as, and where
// that is root, whoever has logged in there.
func TestWhoseDisplay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("other users' servers need root")
	}
	theirs := startServerAs(t, &syscall.Credential{Uid: 65534, Gid: 65534}, "-screen", "0", "64x48x24").open(t)
	if got := theirs.Owner(); got != "nobody" {
		t.Errorf("a server of nobody's is %q's", got)
	}
	ours := startServer(t, "-screen", "0", "64x48x24").open(t)
	if got := ours.Owner(); got != "root" {
		t.Errorf("root's server is %q's", got)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"1":   "UID=1\nCLASS=greeter\nDISPLAY=" + ours.Name() + "\n",
		"2":   "UID=2\nCLASS=user\nDISPLAY=:9999\n",
		"3":   "UID=nobody\nCLASS=user\nDISPLAY=" + ours.Name() + "\n",
		"c4":  "# private\nUID=65534\nUSER=nobody\nCLASS=user\nDISPLAY=" + ours.Name() + "\n",
		"5":   "",
		"6.x": "\x00=\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := owner(ours.raw, ours.Name(), filepath.Join(folder, "none"), folder); got != "nobody" {
		t.Errorf("who has logged in on root's server is %q", got)
	}
	if got := owner(theirs.raw, ours.Name(), folder); got != "nobody" {
		t.Errorf("a user's own server is %q's", got)
	}
	if err := os.WriteFile(filepath.Join(folder, "c4"), []byte("UID=4000000000\nCLASS=user\nDISPLAY="+ours.Name()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := owner(ours.raw, ours.Name(), folder); got != "user 4000000000" {
		t.Errorf("a user without a name is %q", got)
	}
}
