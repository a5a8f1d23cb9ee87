package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"warren/node/fault"
)

// Modes of the state folder and of secrets in it.
const (
	DirMode = 0o711
	KeyMode = 0o600
)

// Create makes the folder, 0711, and its parents where they are missing, and
// checks it. A folder that is there keeps its mode.
func (d Dir) Create() error {
	parent := filepath.Dir(string(d))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return explain(err, "make folder", parent)
	}
	switch err := os.Mkdir(string(d), DirMode); {
	case err == nil:
		// The umask may have taken the x bits by which others reach the socket.
		if err := os.Chmod(string(d), DirMode); err != nil {
			return explain(err, "make state folder", string(d))
		}
		if err := syncDir(parent); err != nil {
			return explain(err, "make state folder", string(d))
		}
	case !errors.Is(err, fs.ErrExist):
		return explain(err, "make state folder", string(d))
	}
	return d.Check()
}

// Check tells whether a node can live in the folder: it is there, is a folder,
// belongs to this user, cannot be changed by others, and takes writes. Each
// refusal is a fault that names the folder and what to do.
func (d Dir) Check() error {
	info, err := os.Stat(string(d))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "state folder %s does not exist", d).
			Try("warren init --name MESH, or warren join LINK").Because("no-state")
	case err != nil:
		return explain(err, "look at state folder", string(d))
	case !info.IsDir():
		return fault.New(fault.Invalid, "state folder %s is not a folder", d).Try("another --state DIR")
	}
	if uid, own := owner(info); !own {
		return fault.New(fault.Denied, "state folder %s belongs to uid %d, not to this user", d, uid).
			Try("chown it, or run warren as its owner")
	}
	if writableByOthers(info) {
		return fault.New(fault.Denied, "state folder %s can be changed by other users (mode %04o)", d, info.Mode().Perm()).
			Try("chmod 0711 %s", d)
	}
	return d.probe()
}

// probe writes, because mode bits alone do not tell of read-only mounts, full
// disks or access lists.
func (d Dir) probe() error {
	f, err := os.CreateTemp(string(d), tempPattern)
	if err != nil {
		return explain(err, "write to state folder", string(d))
	}
	_, err = f.WriteString("probe")
	err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	if err != nil {
		return explain(err, "write to state folder", string(d))
	}
	return nil
}

// explain gives an operating system's refusal the kind and hint a person
// needs; doing says what was tried with path.
func explain(err error, doing, path string) error {
	// The path stands in the sentence already.
	var p *fs.PathError
	cause := err
	if errors.As(err, &p) {
		cause = p.Err
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return fault.New(fault.Denied, "cannot %s %s: the file system is read-only", doing, path).
			Try("another --state DIR, or mount it writable")
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Denied, "cannot %s %s: %w", doing, path, cause).
			Try("run as its owner or as root, or another --state DIR")
	case errors.Is(err, syscall.ENOSPC):
		return fault.New(fault.Unavailable, "cannot %s %s: %w", doing, path, cause).Try("free some space")
	case errors.Is(err, syscall.ENOTDIR):
		return fault.New(fault.Invalid, "cannot %s %s: %w", doing, path, cause).Try("another --state DIR")
	}
	return fmt.Errorf("cannot %s %s: %w", doing, path, cause)
}
