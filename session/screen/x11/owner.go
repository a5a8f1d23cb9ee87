//go:build linux

package x11

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// listens is the user that a connection's other end runs as.
func listens(raw net.Conn) (uid uint32, err error) {
	u, ok := raw.(*net.UnixConn)
	if !ok {
		return 0, errServer
	}
	c, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	var who *unix.Ucred
	if failed := c.Control(func(fd uintptr) { who, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); failed != nil { //nolint:gosec // a descriptor
		return 0, failed
	}
	if err != nil {
		return 0, err
	}
	return who.Uid, nil
}

const (
	// logind keeps a file for each session, of lines NAME=VALUE.
	logind      = "/run/systemd/sessions"
	maxSession  = 16 << 10
	maxSessions = 1 << 10
)

// sessions are where logind's files may be: a service manager hides parts of
// the system's root.
func sessions() []string { return []string{logind, "/proc/1/root" + logind} }

// owner names the user whose display it is: as whom its server runs, and where
// that is root, who has logged in on it.
func owner(raw net.Conn, display string, folders ...string) string {
	uid, err := listens(raw)
	if err != nil {
		return ""
	}
	if uid == 0 {
		for _, folder := range folders {
			if id, ok := loggedIn(folder, display); ok {
				uid = id
				break
			}
		}
	}
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("user %d", uid)
}

// loggedIn is the user of logind's session on a display.
func loggedIn(folder, display string) (uid uint32, ok bool) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries[:min(len(entries), maxSessions)] {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(folder, e.Name()))
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(f, maxSession))
		f.Close()
		if err != nil {
			continue
		}
		values := map[string]string{}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			values[name] = value
		}
		id, err := strconv.ParseUint(values["UID"], 10, 32)
		if err == nil && values["DISPLAY"] == display && values["CLASS"] == "user" {
			return uint32(id), true
		}
	}
	return 0, false
}
