//go:build unix

package platform

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// maxSocketPath leaves room for the final zero byte of sun_path.
const maxSocketPath = len(unix.RawSockaddrUnix{}.Path) - 1

func isSocket(info fs.FileInfo) bool { return info.Mode()&fs.ModeSocket != 0 }
