package shell

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// keepFiles makes sure that no child inherits a file of the node's, also one
// that a library or whoever started the node left open for children.
func keepFiles() { _ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) }

// prepareTerminal makes erasing in line mode erase whole UTF-8 characters.
func prepareTerminal(slave *os.File) {
	raw, err := slave.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
			t.Iflag |= unix.IUTF8
			_ = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
		}
	})
}
