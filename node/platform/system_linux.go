package platform

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/bits"
	"net/netip"
	"os"
	"strings"
)

// SystemName is the system's name as its makers write it, e.g. "Debian
// GNU/Linux 12 (bookworm)"; empty where it does not say (os-release(5)).
func SystemName() string {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return ""
	}
	defer f.Close()
	return prettyName(f)
}

func prettyName(r io.Reader) string {
	for s := bufio.NewScanner(r); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "PRETTY_NAME="); ok {
			return strings.Trim(v, `"'`)
		}
	}
	return ""
}

// Routes are the IPv4 networks this machine has a route to, the default route
// left out (proc(5), /proc/net/route).
func Routes() []netip.Prefix {
	f, err := os.Open("/proc/net/route")
	if err != nil {
		return nil
	}
	defer f.Close()
	return parseRoutes(f)
}

// parseRoutes reads destination and mask, columns 2 and 8: hexadecimal in the
// machine's byte order. Lines it does not understand, the heading among them,
// are left out.
func parseRoutes(r io.Reader) []netip.Prefix {
	var out []netip.Prefix
	for s := bufio.NewScanner(r); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 8 {
			continue
		}
		dst, ok := routeWord(fields[1])
		mask, mok := routeWord(fields[7])
		if !ok || !mok || mask == [4]byte{} {
			continue
		}
		ones := bits.OnesCount32(binary.BigEndian.Uint32(mask[:]))
		out = append(out, netip.PrefixFrom(netip.AddrFrom4(dst), ones).Masked())
	}
	return out
}

func routeWord(s string) (out [4]byte, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 4 {
		return out, false
	}
	binary.NativeEndian.PutUint32(out[:], binary.BigEndian.Uint32(b))
	return out, true
}
