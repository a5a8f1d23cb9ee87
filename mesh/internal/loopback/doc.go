// Package loopback keeps the sockets of libraries that offer no hook to this
// machine: the kernel drops what they would send or receive elsewhere. Linux
// only.
package loopback

import "errors"

// ErrUnsupported says that this system cannot do it.
var ErrUnsupported = errors.New("not supported on this system yet")
