package demo

import (
	"os/exec"
	"syscall"
)

func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func terminate(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
