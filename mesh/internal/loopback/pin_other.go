//go:build !linux

package loopback

import "fmt"

// Pin needs to reach the libraries' sockets, which we know how to do on Linux
// only.
func Pin(uint16) error {
	return fmt.Errorf("keep to loopback: %w", ErrUnsupported)
}
