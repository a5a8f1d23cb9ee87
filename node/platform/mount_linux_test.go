package platform

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"warren/node/fault"
)

// onTmpfs runs story on a thread that alone sees a small file system mounted
// at dir; remount makes it read-only.
func onTmpfs(t *testing.T, story func(dir string, readOnly func())) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	dir := t.TempDir()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Never unlocked: the thread ends with the goroutine, and its mounts.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
			t.Errorf("unshare: %v", err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Errorf("make mounts private: %v", err)
			return
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0711"); err != nil {
			t.Errorf("mount: %v", err)
			return
		}
		story(dir, func() {
			if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Errorf("remount: %v", err)
			}
		})
	}()
	<-done
}

func TestReadOnlyMount(t *testing.T) {
	t.Parallel()
	onTmpfs(t, func(dir string, readOnly func()) {
		key := Dir(dir).NodeKey()
		if err := errors.Join(Dir(dir).Check(), WriteFile(key, []byte("old"), KeyMode)); err != nil {
			t.Error(err)
			return
		}
		readOnly()
		for what, err := range map[string]error{
			"check": Dir(dir).Check(),
			"write": WriteFile(key, []byte("new"), KeyMode),
		} {
			if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "read-only") {
				t.Errorf("%s: got %v, want denied and read-only", what, err)
			}
		}
		if _, err := Lock(Dir(dir)); fault.KindOf(err) != fault.Denied {
			t.Errorf("lock: got %v, want denied", err)
		}
		if got, recovered, err := ReadFile(key); string(got) != "old" || recovered || err != nil {
			t.Errorf("read %q, %v, %v; want the old contents", got, recovered, err)
		}
	})
}

func TestFullDiskKeepsTheOldContents(t *testing.T) {
	t.Parallel()
	onTmpfs(t, func(dir string, _ func()) {
		view := Dir(dir).View()
		old := bytes.Repeat([]byte("o"), 40<<10)
		if err := WriteFile(view, old, KeyMode); err != nil {
			t.Error(err)
			return
		}
		err := WriteFile(view, bytes.Repeat([]byte("n"), 41<<10), KeyMode)
		if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, unix.ENOSPC) {
			t.Errorf("got %v, want unavailable for lack of space", err)
		}
		if got, recovered, err := ReadFile(view); !bytes.Equal(got, old) || recovered || err != nil {
			t.Errorf("read %d bytes, %v, %v; want the old contents", len(got), recovered, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, tempPattern)); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}
