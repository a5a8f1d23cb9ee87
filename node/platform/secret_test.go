package platform

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWriteSecretTakesAwayOldModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := Dir(dir).Recovery()
	put(t, path, "open to all, and longer than the new text", 0o644)
	if err := WriteSecret(path, []byte("secret\n")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "secret\n" {
		t.Errorf("got %q, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != KeyMode) {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := WriteSecret(filepath.Join(dir, "none", "x"), nil); err == nil {
		t.Error("wrote into a folder that is not there")
	}
	if err := RemoveAll(dir); err != nil {
		t.Error(err)
	}
	if err := RemoveAll(dir); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
}

func TestCallerUID(t *testing.T) {
	t.Parallel()
	tests := []struct {
		uid, effective int
		sudo           string
		want           int
	}{
		{1000, 1000, "", 1000},
		{1000, 1000, "7", 1000}, // anybody can set the variable
		{0, 0, "", 0},
		{0, 0, "1000", 1000},
		{0, 0, "-1", 0},
		{0, 0, "root", 0},
		{0, 0, "4294967295", 0},
	}
	for _, tt := range tests {
		if got := callerUID(tt.uid, tt.effective, tt.sudo); got != tt.want {
			t.Errorf("uid %d, effective %d, SUDO_UID %q: %d, want %d", tt.uid, tt.effective, tt.sudo, got, tt.want)
		}
	}
}
