package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func endWithTest(*syscall.SysProcAttr) {}

const getTermios = unix.TIOCGETA
