//go:build !linux && !darwin

package platform

import (
	"fmt"
	"net"
	"runtime"

	"warren/node/fault"
)

// PeerUID cannot tell on this system who connected.
func PeerUID(net.Conn) (uid, gid, pid int, err error) {
	return -1, -1, 0, fault.New(fault.Unavailable, "%w", errNoCredentials)
}

var errNoCredentials = fmt.Errorf("%s does not tell who is on the other side of a socket", runtime.GOOS)
