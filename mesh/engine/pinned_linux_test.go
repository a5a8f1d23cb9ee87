package engine

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"warren/mesh/internal/loopback"
)

// checkPinned wants every UDP socket on port to be bound to loopback.
func checkPinned(port uint16) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	found := 0
	for _, entry := range entries {
		fd, _ := strconv.Atoi(entry.Name())
		if !loopback.IsUDPOn(fd, port) {
			continue
		}
		found++
		dev, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
		if err != nil || dev != "lo" {
			return fmt.Errorf("socket %d is bound to %q, %w", fd, dev, err)
		}
	}
	if found != 2 {
		return fmt.Errorf("found %d sockets, want 2", found)
	}
	return nil
}
