package shell

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAmongHostFiles runs itself in mount and process namespaces of its own, in
// which a folder is hidden from all but process 1, and looks into that folder
// from a shell.
func TestAmongHostFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	own := account{name: "root", home: "/", shell: "/bin/sh"}
	if dir := os.Getenv("WARREN_TEST_HIDDEN"); dir != "" {
		if got := output(t, own, false, "ls", dir); got != "" {
			t.Fatalf("the folder is not hidden: %q", got)
		}
		for i := range 200 { // enough for every thread to have its turn
			err := amongHostFiles(func() error {
				if got := output(t, own, i%2 == 0, filepath.Join(dir, "seen"), "a"); got != "seen a\n" {
					t.Errorf("the shell sees %q", got)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "seen")); err == nil {
				t.Fatal("the node itself sees the folder now")
			}
			if t.Failed() {
				t.Fatalf("round %d", i)
			}
		}
		return
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "seen"), []byte("#!/bin/sh\necho seen $1\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	// The outer shell becomes process 1, which sees the folder.
	again := exec.CommandContext(t.Context(), "unshare", "--pid", "--fork", "--mount", "--mount-proc", "sh", "-c",
		`unshare --mount sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$0" "$@"; exit $?`,
		dir, os.Args[0], "-test.run", "^TestAmongHostFiles$", "-test.v")
	again.Env = append(os.Environ(), "WARREN_TEST_HIDDEN="+dir)
	out, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		if strings.Contains(string(out), unix.EPERM.Error()) {
			t.Skip("this machine lets nobody make mount namespaces")
		}
		t.Fatalf("%v\n%s", err, out)
	}
}
