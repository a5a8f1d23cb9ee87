package platform

import (
	"os"
	"path/filepath"
)

// Tighten takes the folder's state files, both generations, from other users
// who could read them, and names those. What they have read they may keep.
func (d Dir) Tighten(files ...string) (open []string) {
	for _, path := range files {
		for _, p := range []string{path, path + PreviousSuffix} {
			info, err := os.Lstat(p)
			if err != nil || !info.Mode().IsRegular() || !readableByOthers(info) {
				continue
			}
			if os.Chmod(p, KeyMode) == nil {
				open = append(open, filepath.Base(p))
			}
		}
	}
	return open
}
