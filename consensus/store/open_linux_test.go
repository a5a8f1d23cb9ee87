package store

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
)

// root may write anywhere, so this thread becomes nobody for the while; the
// thread ends with the test's goroutine.
func TestReadOnlyFolder(t *testing.T) {
	m := statetest.New(t, "acme")
	dir, err := os.MkdirTemp("", "warren-store-") //nolint:usetesting // t.TempDir's parent is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	populate(t, m, dir, 0)
	for _, path := range []string{dir, dir + "/wal"} {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan error)
	go func() {
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			if _, err := unix.SetfsuidRetUid(65534); err != nil {
				got <- err
				return
			}
		}
		_, err := Open(config(dir, m.Node.ID(), &storetest.Network{}))
		got <- err
	}()
	err = <-got
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "not writable") || !strings.Contains(err.Error(), dir) {
		t.Errorf("error is %v", err)
	}
	for _, path := range []string{dir, dir + "/wal"} {
		if err := os.Chmod(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(config(dir, m.Node.ID(), &storetest.Network{}))
	if err != nil {
		t.Fatalf("writable again: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
