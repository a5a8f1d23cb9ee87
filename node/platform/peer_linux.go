package platform

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// PeerUID tells who is on the other side of a unix socket connection: the
// user, main group and process that connected, as the kernel recorded them
// then (unix(7), SO_PEERCRED).
func PeerUID(conn net.Conn) (uid, gid, pid int, err error) {
	sc, ok := conn.(syscall.Conn)
	if !ok || conn.LocalAddr().Network() != "unix" {
		return -1, -1, 0, fmt.Errorf("peer of %T: no unix socket", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, -1, 0, fmt.Errorf("peer of socket: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return -1, -1, 0, fmt.Errorf("peer of socket: %w", err)
	}
	return int(cred.Uid), int(cred.Gid), int(cred.Pid), nil
}
