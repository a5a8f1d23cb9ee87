//go:build !linux

package engine

import "fmt"

// pinToLoopback needs to reach magicsock's sockets, which we know how to do
// on Linux only.
func pinToLoopback(uint16) error {
	return fmt.Errorf("keep to loopback: %w", ErrUnsupported)
}
