package loopback

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Pin binds this process's UDP sockets on port to the loopback
// interface: the kernel then neither delivers what arrives elsewhere nor
// sends anything out elsewhere. The libraries listen on all addresses and tell
// nobody their sockets, so they are found among the open files. Unprivileged
// processes may do this since Linux 5.7.
func Pin(port uint16) error {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("find own sockets: %w", err)
	}
	pinned := 0
	var errs []error
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || !IsUDPOn(fd, port) {
			continue
		}
		if err := unix.BindToDevice(fd, "lo"); err != nil {
			errs = append(errs, fmt.Errorf("bind socket to loopback: %w", err))
			continue
		}
		pinned++
	}
	if pinned == 0 {
		errs = append(errs, fmt.Errorf("bind socket to loopback: found none on port %d", port))
	}
	return errors.Join(errs...)
}

// IsUDPOn reports whether fd is a UDP socket on port.
func IsUDPOn(fd int, port uint16) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_DGRAM {
		return false
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port == int(port)
	case *unix.SockaddrInet6:
		return sa.Port == int(port)
	}
	return false
}
