package platform

import (
	"errors"

	"golang.org/x/sys/windows"
)

// AddrInUse reports whether err says that another program has the port.
func AddrInUse(err error) bool { return errors.Is(err, windows.WSAEADDRINUSE) }

// CanTun reports whether this process may make a TUN device.
func CanTun() bool { return false }
