//go:build unix && !linux

package node_test

import "syscall"

func endWithTest(*syscall.SysProcAttr) {}
