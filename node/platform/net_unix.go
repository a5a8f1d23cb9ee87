//go:build unix

package platform

import (
	"errors"
	"os"
	"syscall"
)

// AddrInUse reports whether err says that another program has the port.
func AddrInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// CanTun reports whether this process may make a TUN device.
func CanTun() bool {
	if os.Geteuid() != 0 {
		return false
	}
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}
