package node_test

import "syscall"

// endWithTest lets the kernel end a process whose test was killed.
func endWithTest(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
