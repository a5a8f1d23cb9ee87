package console

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// socketOwner is the user who has the socket of this machine from which a
// connection comes, noOwner where the system does not say (proc_net(5),
// /proc/net/tcp and tcp6).
func socketOwner(from, to netip.AddrPort) int {
	if diagWorks() {
		if owner, ok := diagOwner(from, to); ok {
			return owner
		}
		return noOwner
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		owner, ok := findOwner(f, from, to)
		f.Close()
		if ok {
			return owner
		}
	}
	return noOwner
}

// established is the state of a connection that both ends hold.
const established = "01"

// findOwner looks for the socket that is bound to local and connected to
// remote.
func findOwner(table io.Reader, local, remote netip.AddrPort) (owner int, ok bool) {
	for s := bufio.NewScanner(table); s.Scan(); {
		// sl local_address rem_address st tx:rx tr:when retrnsmt uid ...
		field := strings.Fields(s.Text())
		if len(field) < 8 {
			continue
		}
		at, ok := tableAddress(field[1])
		if !ok || at != local {
			continue
		}
		if at, ok = tableAddress(field[2]); !ok || at != remote {
			continue
		}
		// What nobody holds any more is listed as root's.
		if field[3] != established {
			return 0, false
		}
		uid, err := strconv.ParseUint(field[7], 10, 31)
		if err != nil {
			return 0, false
		}
		return int(uid), true
	}
	return 0, false
}

// tableAddress reads "0100007F:1E64": words of the machine's own order in
// hexadecimal, and the port. An IPv4 address inside an IPv6 one is the former.
func tableAddress(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}
