//go:build unix

package engine

import "syscall"

const errAddrInUse = syscall.EADDRINUSE
