//go:build linux || darwin

package platform

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Space is how many bytes and files a user may still write where d is.
func Space(d Dir) (free, files uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(string(d), &st); err != nil {
		return 0, 0, explain(err, "look at the file system of", string(d))
	}
	files = st.Ffree
	if st.Files == 0 { // made as they are needed
		files = ^uint64(0)
	}
	return st.Bavail * uint64(st.Bsize), files, nil //nolint:gosec // block sizes are positive
}

// Owns reports whether this user owns the file.
func Owns(info fs.FileInfo) bool {
	_, own := owner(info)
	return own
}

// Exposed reports whether other users may read the file.
func Exposed(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

// Kernel is the kernel's release.
func Kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
