package identity

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name of a mesh, machine, technician or tag: one DNS
// label (RFC 1035, 2.3.4).
const MaxName = 63

// ValidName reports whether s may name a mesh, a machine, a technician or a
// tag: 1 to 63 of a-z, 0-9 and '-', with no '-' at either end.
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > MaxName || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ValidText reports whether s is at most max bytes of printable Unicode and
// plain spaces: nothing that moves a terminal's cursor or turns text around.
func ValidText(s string, max int) bool {
	return len(s) <= max && !strings.ContainsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsPrint(r)
	})
}

// maxHostPort is the longest DNS name, a colon and a port.
const maxHostPort = 253 + 6

// hostName takes letters, digits, dashes and dots: what a name is made of, and
// nothing that means something to a shell into which a link is pasted.
func hostName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.'
	})
}

// ValidHostPort reports whether s is "host:port": an IP address or a DNS name,
// and a port number other than 0.
func ValidHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || len(s) > maxHostPort {
		return false
	}
	if _, err := netip.ParseAddr(host); err != nil && !hostName(host) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n != 0
}
