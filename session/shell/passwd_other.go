//go:build unix && !linux

package shell

import (
	"os/exec"
	"os/user"
	"strings"
)

const defaultShell = "/bin/sh"

func lookupUser(name string) (*user.User, error) { return user.Lookup(name) }

// loginShell asks the directory service of macOS.
func loginShell(u *user.User) string {
	out, err := exec.Command("dscl", ".", "-read", "/Users/"+u.Username, "UserShell").Output()
	if err != nil {
		return defaultShell
	}
	if shell := strings.TrimSpace(strings.TrimPrefix(string(out), "UserShell:")); strings.HasPrefix(shell, "/") {
		return shell
	}
	return defaultShell
}

func groupsOf(u *user.User) ([]string, error) { return u.GroupIds() }
