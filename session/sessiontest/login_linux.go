package sessiontest

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// profiles are what login shells read and write at home.
func profiles() []string {
	return []string{".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_logout", ".zshenv", ".zprofile", ".zshrc", ".zlogin"}
}

// PlainLogin hides what this user's login shells read at home, so that no
// test waits for, or is broken by, a profile of the machine it runs on. It
// starts the program anew in a mount namespace of its own, for which it takes
// root and the right to; else it does nothing. Call it first in TestMain.
func PlainLogin() {
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread() // the namespace is the thread's, and goes on in what it executes
	defer runtime.UnlockOSThread()
	if err := plainLogin(); err != nil {
		fmt.Fprintln(os.Stderr, "hide the profiles at home:", err)
		os.Exit(1)
	}
}

func plainLogin() error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	var files []string
	for _, name := range profiles() {
		path := filepath.Join(me.HomeDir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			files = append(files, path)
		}
	}
	if len(files) == 0 {
		return nil // there are none, or they are hidden already
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		if errors.Is(err, unix.EPERM) {
			return nil // a container's root
		}
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	for _, path := range files {
		if err := unix.Mount(os.DevNull, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, os.Environ())
}
