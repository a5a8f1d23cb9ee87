package platform

import (
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/windows"
)

func elevated() bool { return windows.GetCurrentProcessToken().IsElevated() }

func systemDir(env func(string) string) Dir {
	base := env("ProgramData")
	if base == "" {
		base = `C:\ProgramData`
	}
	return Dir(filepath.Join(base, "warren"))
}

func userDir(s surroundings) (Dir, error) {
	if base := s.env("LocalAppData"); base != "" {
		return Dir(filepath.Join(base, "warren")), nil
	}
	return xdgState(s, "AppData", "Local", "warren")
}

// Access lists, not owner and mode, say here who may write: a folder under
// ProgramData or a profile inherits fitting ones.
func owner(fs.FileInfo) (uid int, own bool) { return -1, true }

func writableByOthers(fs.FileInfo) bool { return false }

func readableByOthers(fs.FileInfo) bool { return false }

// NTFS journals renames by itself, and a folder cannot be flushed.
func syncDir(string) error { return nil }
