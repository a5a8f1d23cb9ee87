//go:build unix

package demo

import (
	"os/exec"
	"syscall"
)

// childAttr keeps a Ctrl-C on the terminal from reaching the nodes: the demo
// ends them itself, in order.
func childAttr() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	endWithParent(a)
	return a
}

func terminate(cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGTERM) }
