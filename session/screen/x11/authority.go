//go:build linux

package x11

import (
	"encoding/binary"
	"fmt"
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
// named: it may be anything, so only a regular file of some size is read.
func cookies(path string, number int) (out [][]byte) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if i, err := f.Stat(); err != nil || !i.Mode().IsRegular() || i.Size() > maxAuthority {
		return nil
	}
	b := make([]byte, maxAuthority)
	n, _ := f.Read(b)
	all, _ := parseAuthority(b[:n]) // a file that is cut has keys before that
	for _, e := range all {
		if e.name == cookieName && len(e.data) == cookieSize && (e.display == "" || e.display == strconv.Itoa(number)) {
			out = append(out, e.data)
		}
	}
	return out
}
