package port

import (
	"net"
	"testing"
)

type fromAddr struct {
	net.Conn
	at string
}

func (f fromAddr) RemoteAddr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", f.at) // nothing is asked: these are addresses
	return a
}

func TestWhoHasAnIPv6NetworkIsOneSource(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"one network":    {"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:2", true},
		"two networks":   {"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
		"two of IPv4":    {"192.0.2.1:1", "192.0.2.2:1", false},
		"IPv4, and in 6": {"192.0.2.1:1", "[::ffff:192.0.2.1]:7", true},
		"link-local":     {"[fe80::1]:1", "[fe80::2]:1", true},
	} {
		if got := source(fromAddr{at: c.a}) == source(fromAddr{at: c.b}); got != c.same {
			t.Errorf("%s: %s and %s count as one: %v", name, c.a, c.b, got)
		}
	}
}
