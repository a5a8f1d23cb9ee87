//go:build unix

package platform

import (
	"io/fs"
	"os"
	"syscall"
)

func elevated() bool { return os.Geteuid() == 0 }

func systemDir(func(string) string) Dir { return "/var/lib/warren" }

func userDir(s surroundings) (Dir, error) { return xdgState(s, ".local", "state", "warren") }

// owner is the uid that owns the file, and whether that is this user.
func owner(info fs.FileInfo) (uid int, own bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(st.Uid), int(st.Uid) == os.Geteuid()
}

// writableByOthers reports whether group or world may change the folder.
func writableByOthers(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

// readableByOthers reports whether group or world may read a secret.
func readableByOthers(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// syncDir makes renames in the folder durable.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
