package platform

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"warren/node/fault"
)

// DefaultListen is where a node listens unless told otherwise.
const DefaultListen = ":41820"

// DefaultConsole is where the console is served unless told otherwise.
const DefaultConsole = "localhost:7780"

const maxPublic = 8

// Config holds the options of up, as warren.yaml and the flags give them. The
// zero value of a field means that it was not given.
type Config struct {
	Listen    string   // "[IP]:PORT", UDP and TCP; PORT to PORT+3 are used
	ListenTLS int      // port of a further TLS listener
	Public    []string // "HOST:PORT" by which others reach this node
	Loopback  bool     // stay on this machine; implies Tun "userspace"
	Tun       string   // "auto", "kernel" or "userspace"
	Console   string   // "localhost:PORT"
	// HostFiles is for services that see a part of the files: terminals see all.
	HostFiles bool
	// DesktopUser is as whom virtual displays run, where the node is root.
	DesktopUser string
}

// option is one key of the file and flag of up.
type option struct {
	name  string
	read  func(*yaml.Node) error // from the file, where it stands there
	check func() error           // of the value; an unset one is fine
}

func (c *Config) options() []option {
	return []option{
		{"listen", text(&c.Listen), func() error { return checkListen(c.Listen) }},
		{"listen-tls", number(&c.ListenTLS), func() error { return checkListenTLS(c.ListenTLS, c.Listen) }},
		{"public", texts(&c.Public), func() error { return checkPublic(c.Public) }},
		{"loopback", truth(&c.Loopback), func() error { return nil }},
		{"tun", text(&c.Tun), func() error { return checkTun(c.Tun, c.Loopback) }},
		{"console", text(&c.Console), func() error { return checkConsole(c.Console) }},
		{"host-files", truth(&c.HostFiles), func() error { return nil }},
		{"desktop-user", text(&c.DesktopUser), func() error { return checkUser(c.DesktopUser) }},
	}
}

// Check tells whether every value can work and the values fit each other. The
// error is invalid and names the flag.
func (c Config) Check() error {
	for _, o := range c.options() {
		if err := o.check(); err != nil {
			return fault.New(fault.Invalid, "--%s: %w", o.name, err)
		}
	}
	return nil
}

// Given are the options that were given, by the names they have in warren.yaml.
func (c Config) Given() map[string]any {
	out := map[string]any{}
	set := func(name string, given bool, value any) {
		if given {
			out[name] = value
		}
	}
	set("listen", c.Listen != "", c.Listen)
	set("listen-tls", c.ListenTLS != 0, c.ListenTLS)
	set("public", len(c.Public) > 0, c.Public)
	set("loopback", c.Loopback, c.Loopback)
	set("tun", c.Tun != "", c.Tun)
	set("console", c.Console != "", c.Console)
	set("host-files", c.HostFiles, c.HostFiles)
	set("desktop-user", c.DesktopUser != "", c.DesktopUser)
	return out
}

// checkUser takes any name that a system might have but root's: whoever works
// on the display works as that user.
func checkUser(name string) error {
	switch {
	case name == "root":
		return errors.New("a desktop as root is not made; name another user")
	case len(name) > 64 || strings.ContainsAny(name, ":/ \t\n"):
		return fmt.Errorf("%.40q cannot be a user", name)
	}
	return nil
}

// portsAfterListen is how many ports above the listen port are in use: two of
// STUN and one of the UDP relay.
const portsAfterListen = 3

func checkListen(s string) error {
	if s == "" {
		return nil
	}
	host, port, err := hostPort(s)
	if err != nil {
		return err
	}
	if host != "" {
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Errorf("%q is no IP address of this machine", host)
		}
	}
	if port > 65535-portsAfterListen {
		return fmt.Errorf("port %d leaves no room for the %d above it", port, portsAfterListen)
	}
	return nil
}

func checkListenTLS(port int, listen string) error {
	if port == 0 {
		return nil
	}
	if port < 0 || port > 65535 {
		return fmt.Errorf("%d is no port", port)
	}
	if listen == "" {
		listen = DefaultListen
	}
	if _, main, err := hostPort(listen); err == nil && main == port {
		return fmt.Errorf("port %d is the listen port already", port)
	}
	return nil
}

func checkPublic(all []string) error {
	if len(all) > maxPublic {
		return fmt.Errorf("%d addresses, want at most %d", len(all), maxPublic)
	}
	for _, s := range all {
		host, _, err := hostPort(s)
		if err != nil {
			return err
		}
		addr, err := netip.ParseAddr(host)
		switch {
		case err == nil && (addr.IsUnspecified() || addr.IsMulticast() || addr.Zone() != ""):
			return fmt.Errorf("%q: nobody can reach that address", s)
		case err != nil && !isHostname(host):
			return fmt.Errorf("%.80q: want HOST:PORT", s)
		}
	}
	return nil
}

func checkTun(s string, loopback bool) error {
	switch s {
	case "", "auto", "userspace":
		return nil
	case "kernel":
		if loopback {
			return errors.New("kernel does not go with loopback, which implies userspace")
		}
		return nil
	}
	return fmt.Errorf("%.40q: want auto, kernel or userspace", s)
}

func checkConsole(s string) error {
	if s == "" {
		return nil
	}
	host, _, err := hostPort(s)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || addr != netip.AddrFrom4([4]byte{127, 0, 0, 1}) && addr != netip.IPv6Loopback()) {
		return fmt.Errorf("%.80q: the console is served on loopback only", s)
	}
	return nil
}

func hostPort(s string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, fmt.Errorf("%.80q: want HOST:PORT", s)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || strings.HasPrefix(text, "+") {
		return "", 0, fmt.Errorf("%.80q: want a port from 1 to 65535", s)
	}
	return host, int(n), nil
}

// isHostname holds the letters, digits and hyphens of RFC 1123 names.
func isHostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}
