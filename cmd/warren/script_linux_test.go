package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// endWithTest lets the kernel end a process whose test was killed.
func endWithTest(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

const getTermios = unix.TCGETS
