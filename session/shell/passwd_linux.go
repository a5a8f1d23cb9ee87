package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"time"
)

const (
	passwdFile   = "/etc/passwd"
	defaultShell = "/bin/sh"
	// lookupTime bounds a question to the system's directory.
	lookupTime = 3 * time.Second
)

// lookupUser asks /etc/passwd, then getent, which knows directories such as
// SSSD or LDAP that a static binary cannot ask itself.
func lookupUser(name string) (*user.User, error) {
	if u, err := user.Lookup(name); err == nil {
		return u, nil
	}
	fields, err := getent("passwd", name)
	if err != nil {
		return nil, err
	}
	return &user.User{Username: fields[0], Uid: fields[2], Gid: fields[3], HomeDir: fields[5]}, nil
}

// loginShell is the last field of the passwd entry, which os/user leaves out.
func loginShell(u *user.User) string {
	fields, err := passwdEntry(u.Username)
	if err != nil {
		fields, err = getent("passwd", u.Username)
	}
	if err != nil || fields[6] == "" {
		return defaultShell
	}
	return fields[6]
}

// groupsOf gives all of a user's groups.
func groupsOf(u *user.User) ([]string, error) {
	if _, err := passwdEntry(u.Username); err == nil {
		return u.GroupIds()
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "id", "-G", "--", u.Username).Output()
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}

func passwdEntry(name string) ([]string, error) {
	f, err := os.Open(passwdFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Split(lines.Text(), ":"); len(fields) == 7 && fields[0] == name {
			return fields, nil
		}
	}
	return nil, fmt.Errorf("no user %q in %s", name, passwdFile)
}

func getent(database, key string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "getent", database, "--", key).Output()
	if err != nil {
		return nil, err
	}
	fields := strings.Split(strings.TrimSpace(string(out)), ":")
	if len(fields) != 7 || fields[0] != key {
		return nil, errors.New("getent gave no entry")
	}
	return fields, nil
}
