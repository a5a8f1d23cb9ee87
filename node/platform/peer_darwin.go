package platform

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// PeerUID tells who is on the other side of a unix socket connection: the
// user, main group and process that connected (unix(4), LOCAL_PEERCRED).
func PeerUID(conn net.Conn) (uid, gid, pid int, err error) {
	sc, ok := conn.(syscall.Conn)
	if !ok || conn.LocalAddr().Network() != "unix" {
		return -1, -1, 0, fmt.Errorf("peer of %T: no unix socket", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, -1, 0, fmt.Errorf("peer of socket: %w", err)
	}
	var cred *unix.Xucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		if cred, credErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); credErr != nil {
			return
		}
		pid, credErr = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return -1, -1, 0, fmt.Errorf("peer of socket: %w", err)
	}
	gid = -1
	if cred.Ngroups > 0 {
		gid = int(cred.Groups[0])
	}
	return int(cred.Uid), gid, pid, nil
}
