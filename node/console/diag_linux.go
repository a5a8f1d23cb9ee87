package console

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes and places within the messages of sock_diag(7), from
// include/uapi/linux/inet_diag.h.
const (
	diagHeader  = 16
	diagRequest = diagHeader + 56
	diagState   = diagHeader + 1
	diagUID     = diagHeader + 64
	diagReply   = diagHeader + 72
	diagTime    = time.Second
)

// diagOwner asks the kernel for the one socket that is bound to local and
// connected to remote. It takes the same time however many there are, where
// the tables in /proc grow with what other users open and close.
func diagOwner(local, remote netip.AddrPort) (owner int, ok bool) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	limit := unix.NsecToTimeval(int64(diagTime))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return 0, false
	}
	if err := unix.Sendto(fd, diagQuestion(local, remote), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, false
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return 0, false
	}
	return readDiag(answer[:n])
}

func diagQuestion(local, remote netip.AddrPort) []byte {
	q := make([]byte, diagRequest)
	binary.NativeEndian.PutUint32(q, diagRequest)
	binary.NativeEndian.PutUint16(q[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(q[6:], unix.NLM_F_REQUEST)
	body := q[diagHeader:]
	body[0], body[1] = unix.AF_INET6, unix.IPPROTO_TCP
	if local.Addr().Is4() {
		body[0] = unix.AF_INET
	}
	binary.NativeEndian.PutUint32(body[4:], ^uint32(0)) // every state
	binary.BigEndian.PutUint16(body[8:], local.Port())
	binary.BigEndian.PutUint16(body[10:], remote.Port())
	copy(body[12:], local.Addr().AsSlice())
	copy(body[28:], remote.Addr().AsSlice())
	binary.NativeEndian.PutUint64(body[48:], ^uint64(0)) // no cookie
	return q
}

// readDiag reads the answer: an established socket's owner, or nothing.
func readDiag(a []byte) (owner int, ok bool) {
	if len(a) < diagReply || binary.NativeEndian.Uint16(a[4:]) != unix.SOCK_DIAG_BY_FAMILY || a[diagState] != unix.BPF_TCP_ESTABLISHED {
		return 0, false
	}
	return int(binary.NativeEndian.Uint32(a[diagUID:])), true
}

// diagWorks tells whether the kernel answers such questions, by one about a
// connection of this process. The kernel is one, and so is the answer.
//
//nolint:gochecknoglobals // a constant that has to be asked for
var diagWorks = sync.OnceValue(func() bool {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return false
	}
	defer c.Close()
	local, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return false
	}
	remote, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return false
	}
	_, ok := diagOwner(local, remote)
	return ok
})
