//go:build unix

package shell

import (
	"fmt"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"
	"syscall"

	"warren/session"
)

// The PATH of a login, as Debian's login.defs has it.
const (
	pathOfRoot = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	pathOfUser = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
)

// account is an OS user a session may run as.
type account struct {
	name   string
	uid    uint32
	gid    uint32
	groups []uint32
	home   string
	shell  string
	change bool // the node must change users to get there
}

// Admit implements session.Admitter: the user, and that the request makes
// sense.
func (k *Kind) Admit(r session.Request) error {
	if _, err := decodeRequest(r.Payload); err != nil {
		return err
	}
	_, err := k.account(r)
	return err
}

// account finds the user that r names. As root, any account that may log in
// will do; otherwise only the node's own.
func (k *Kind) account(r session.Request) (account, error) {
	refuse := func(cause session.Cause) error {
		return &session.Refusal{Cause: cause, Verb: r.Verb, User: r.OSUser}
	}
	if own := k.uid(); own != 0 {
		me, err := user.LookupId(strconv.Itoa(own))
		if err != nil {
			if me, err = user.Current(); err != nil {
				return account{}, fmt.Errorf("look up the node's own user: %w", err)
			}
		}
		if me.Username != r.OSUser {
			return account{}, &session.Refusal{Cause: session.CauseOtherUser, Verb: r.Verb, User: r.OSUser, Offered: me.Username}
		}
		a, err := newAccount(me, false)
		if err == nil && !mayLogIn(a.shell) {
			err = refuse(session.CauseNoLogin)
		}
		return a, err
	}
	u, err := k.lookup(r.OSUser)
	if err != nil {
		return account{}, refuse(session.CauseNoUser)
	}
	// A wildcard grant covers no root by another name.
	if u.Username != r.OSUser || u.Uid == "0" && u.Username != "root" {
		return account{}, refuse(session.CauseNoLogin)
	}
	a, err := newAccount(u, true)
	if err == nil && !mayLogIn(a.shell) {
		err = refuse(session.CauseNoLogin)
	}
	return a, err
}

func newAccount(u *user.User, change bool) (account, error) {
	a := account{name: u.Username, home: u.HomeDir, shell: loginShell(u), change: change}
	var err error
	if a.uid, err = number(u.Uid); err != nil {
		return a, err
	}
	if a.gid, err = number(u.Gid); err != nil {
		return a, err
	}
	if !path.IsAbs(a.home) {
		a.home = "/"
	}
	if !change {
		return a, nil
	}
	texts, err := groupsOf(u)
	if err != nil {
		return a, fmt.Errorf("look up the groups of %q: %w", u.Username, err)
	}
	for _, text := range texts {
		g, err := number(text)
		if err != nil {
			return a, err
		}
		a.groups = append(a.groups, g)
	}
	return a, nil
}

func number(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("user or group number %q: %w", s, err)
	}
	return uint32(n), nil
}

// credential makes the child the account for good: real, effective and saved
// ids and all groups change before the exec.
func (a account) credential() *syscall.Credential {
	if !a.change {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: a.groups}
}

// own hands a terminal to the account, so that it can be opened by name.
func (a account) own(terminal *os.File) error {
	if !a.change {
		return nil
	}
	group := a.gid
	if g, err := user.LookupGroup("tty"); err == nil {
		if n, err := number(g.Gid); err == nil {
			group = n
		}
	}
	if err := terminal.Chown(int(a.uid), int(group)); err != nil {
		return err
	}
	return terminal.Chmod(0o620)
}

// directory is where the child starts: home, else the root.
func (a account) directory() string {
	if info, err := os.Stat(a.home); err != nil || !info.IsDir() {
		return "/"
	}
	return a.home
}

func (a account) path() string {
	if a.uid == 0 {
		return pathOfRoot
	}
	return pathOfUser
}

// environment is all a child gets: nothing of the node's own passes.
func (a account) environment(asked request, r session.Request) []string {
	e := []string{
		"HOME=" + a.home, "USER=" + a.name, "LOGNAME=" + a.name, "SHELL=" + a.shell, "PATH=" + a.path(),
		"WARREN_SESSION=" + r.ID.String(), "WARREN_TECHNICIAN=" + clean(r.Technician),
	}
	if asked.terminal {
		e = append(e, "TERM="+asked.term)
	}
	return append(e, asked.environment...)
}

func clean(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// mayLogIn tells a login shell from the programs that say no.
func mayLogIn(shell string) bool {
	switch path.Base(shell) {
	case "nologin", "false", "true", "sync", "halt", "shutdown", "poweroff", "reboot", "git-shell":
		return false
	}
	return true
}
