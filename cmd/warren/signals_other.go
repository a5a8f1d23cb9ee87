//go:build !unix

package main

import "os"

// forwarded are the signals a remote command gets in this one's stead.
func forwarded() []os.Signal { return []os.Signal{os.Interrupt} }

func signalName(s os.Signal) string {
	if s == os.Interrupt {
		return "INT"
	}
	return ""
}

func notifyResize(chan<- os.Signal) {}
