package platform

import (
	"os"
	"path/filepath"
)

// WriteSecret replaces the file at path by text for a person to read, with
// mode 0600 whatever a file of that name had before. When it returns nil the
// text is on disk; no generation before is kept.
func WriteSecret(path string, text []byte) error {
	dir := filepath.Dir(path)
	temp, err := writeTemp(dir, text, KeyMode)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		if temp != "" {
			_ = os.Remove(temp)
		}
		return explain(err, "write", path)
	}
	if err := syncDir(dir); err != nil {
		return explain(err, "write", path)
	}
	return nil
}

// RemoveAll removes a folder of state and all in it; one that is not there is
// no error.
func RemoveAll(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return explain(err, "remove", path)
	}
	return nil
}
