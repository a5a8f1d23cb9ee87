package console

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// TestSocketOwner asks the system about a real connection.
func TestSocketOwner(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Logf("no %s here: %v", host, err)
			continue
		}
		defer l.Close()
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if got := ownerOf(withOwner(t.Context(), server)); got != os.Getuid() {
			t.Errorf("over %s: owner %d, want %d", host, got, os.Getuid())
		}
		to := netip.MustParseAddrPort(server.LocalAddr().String())
		if got := socketOwner(netip.AddrPortFrom(to.Addr(), 1), to); got != noOwner {
			t.Errorf("a connection that is none has owner %d", got)
		}
	}
}

func TestTheTableOfConnections(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1E64 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 0100007F:A000 0100007F:1E64 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0
   2: 00000000000000000000000001000000:A001 00000000000000000000000001000000:1E64 01 00000000:00000000 00:00000000 00000000  1001        0 2 1 0
   3: 0000000000000000FFFF00000100007F:A002 0000000000000000FFFF00000100007F:1E64 01 00000000:00000000 00:00000000 00000000  1002        0 2 1 0
   4: 0100007F:A003 0100007F:1E64 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0
   x: nonsense
`
	for from, want := range map[string]int{"127.0.0.1:40960": 1000, "[::1]:40961": 1001, "127.0.0.1:40962": 1002, "127.0.0.1:1": noOwner, "127.0.0.1:40963": noOwner} {
		at := netip.MustParseAddrPort(from)
		owner, ok := findOwner(strings.NewReader(table), at, netip.AddrPortFrom(at.Addr(), 0x1E64))
		if !ok {
			owner = noOwner
		}
		if owner != want {
			t.Errorf("%s belongs to %d, want %d", from, owner, want)
		}
	}
}
