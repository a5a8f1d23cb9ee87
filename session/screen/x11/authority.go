//go:build linux

package x11

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	// maxAuthority bounds an authority file, maxCookies the keys tried on one
	// display.
	maxAuthority = 256 << 10
	maxCookies   = 16
	cookieSize   = 16
)

// entry is one key of an authority file (Xau(3)): which display it opens, and
// how.
type entry struct {
	display string // its number; empty is any
	name    string // of the protocol
	data    []byte
}

// cookie is a key, the user whose file it was found in, and whether everybody
// may read that.
type cookie struct {
	data   []byte
	owner  uint32
	public bool
}

// fits tells that a server may be shown the key: it can read the file itself.
// Whoever listens at a socket may be anybody.
func (c cookie) fits(server uint32) bool { return server == 0 || server == c.owner || c.public }

// parseAuthority reads an authority file.
func parseAuthority(b []byte) (all []entry, err error) {
	for len(b) > 0 {
		if len(b) < 2 {
			return all, fmt.Errorf("authority file ends early: %w", errServer)
		}
		b = b[2:] // the family: where a name is spoken of, but names change
		var fields [4][]byte
		for i := range fields {
			if len(b) < 2 {
				return all, fmt.Errorf("authority file ends early: %w", errServer)
			}
			n := int(binary.BigEndian.Uint16(b))
			if b = b[2:]; len(b) < n {
				return all, fmt.Errorf("authority file ends early: %w", errServer)
			}
			fields[i], b = b[:n], b[n:]
		}
		all = append(all, entry{display: string(fields[1]), name: string(fields[2]), data: fields[3]})
	}
	return all, nil
}

// cookies reads the keys for a display's number from a file that somebody
// named: it may be anything, so only a regular file of some size is opened.
func cookies(path string, number int) (out []cookie) {
	f, i, err := openRegular(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxAuthority))
	if err != nil {
		return nil
	}
	all, _ := parseAuthority(b) // a file that is cut has keys before that
	for _, e := range all {
		if e.name == cookieName && len(e.data) == cookieSize && (e.display == "" || e.display == strconv.Itoa(number)) {
			out = append(out, cookie{e.data, i.Uid, i.Mode&0o004 != 0})
		}
	}
	return out
}

// openRegular opens a file only once it has seen that it is one: to open a
// device can be to do something.
func openRegular(path string) (f *os.File, i unix.Stat_t, err error) {
	at, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, i, err
	}
	defer unix.Close(at)
	if err := unix.Fstat(at, &i); err != nil {
		return nil, i, err
	}
	if i.Mode&unix.S_IFMT != unix.S_IFREG || i.Size > maxAuthority {
		return nil, i, errServer
	}
	f, err = os.Open("/proc/self/fd/" + strconv.Itoa(at))
	return f, i, err
}
