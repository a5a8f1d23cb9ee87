package shell

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// The mount namespaces of the system's first process and of this thread.
const (
	hostMounts = "/proc/1/ns/mnt"
	ownMounts  = "/proc/thread-self/ns/mnt"
)

// amongHostFiles runs f, and what it starts, where the system's first process
// sees its files. It needs CAP_SYS_ADMIN, CAP_SYS_CHROOT and CAP_SYS_PTRACE.
func amongHostFiles(f func() error) error {
	host, err := os.Readlink(hostMounts)
	if err != nil {
		return fmt.Errorf("look for the system's files: %w", err)
	}
	if own, err := os.Readlink(ownMounts); err == nil && own == host {
		return f()
	}
	return onThread(func() error { return enterMounts(f) })
}

// onThread runs f on a thread that ends with it: no other goroutine ever runs
// on that one and sees the wrong files.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() { // the main thread never ends: hold it, and take another
			defer runtime.UnlockOSThread()
			done <- onThread(f)
			return
		}
		done <- f()
	}()
	return <-done
}

// enterMounts moves this thread for good (setns(2)).
func enterMounts(f func() error) error {
	ns, err := os.Open(hostMounts)
	if err != nil {
		return fmt.Errorf("open the system's files: %w", err)
	}
	defer ns.Close()
	// Root and working folder are shared by all threads until then.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("leave the node's working folder: %w", err)
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter the system's files: %w", err)
	}
	return f()
}
