//go:build !linux && !darwin

package platform

import (
	"errors"
	"fmt"
	"io/fs"
)

// Space is not known here: errors.ErrUnsupported.
func Space(Dir) (free, files uint64, err error) {
	return 0, 0, fmt.Errorf("free space: %w", errors.ErrUnsupported)
}

// Owns reports whether this user owns the file, as far as this system tells.
func Owns(info fs.FileInfo) bool {
	_, own := owner(info)
	return own
}

// Exposed reports false: modes say nothing here.
func Exposed(fs.FileInfo) bool { return false }

// Kernel is empty here.
func Kernel() string { return "" }
