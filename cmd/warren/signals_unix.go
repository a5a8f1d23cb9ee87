//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// forwarded are the signals a remote command gets in this one's stead.
func forwarded() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM} }

func signalName(s os.Signal) string {
	switch s {
	case os.Interrupt:
		return "INT"
	case syscall.SIGQUIT:
		return "QUIT"
	case syscall.SIGTERM:
		return "TERM"
	}
	return ""
}

func notifyResize(ch chan<- os.Signal) { signal.Notify(ch, syscall.SIGWINCH) }
