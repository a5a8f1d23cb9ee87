package platform

import (
	"fmt"
	"net"
	"strconv"
)

// Port is one that a node takes.
type Port struct {
	Network string // "tcp" or "udp"
	Host    string // empty is every address
	Number  int
}

// String is "UDP 41820".
func (p Port) String() string {
	return map[string]string{"tcp": "TCP", "udp": "UDP"}[p.Network] + " " + strconv.Itoa(p.Number)
}

// Try takes the port for a moment.
func (p Port) Try() error {
	at := net.JoinHostPort(p.Host, strconv.Itoa(p.Number))
	if p.Network == "udp" {
		c, err := net.ListenPacket("udp", at) //nolint:noctx // local
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		return c.Close()
	}
	l, err := net.Listen("tcp", at) //nolint:noctx // local
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return l.Close()
}

// Ports are those that a node with this configuration may take: UDP and TCP on
// the listen port, UDP above it, TLS on the further one.
func (c Config) Ports() ([]Port, error) {
	listen := c.Listen
	if listen == "" {
		listen = DefaultListen
	}
	host, number, err := hostPort(listen)
	if err != nil {
		return nil, err
	}
	if c.Loopback {
		host = "127.0.0.1"
	}
	out := []Port{{"udp", host, number}, {"tcp", host, number}}
	if len(c.Public) > 0 { // a meeting point for others
		for i := range portsAfterListen {
			out = append(out, Port{"udp", host, number + 1 + i})
		}
	}
	if c.ListenTLS != 0 {
		out = append(out, Port{"tcp", host, c.ListenTLS})
	}
	return out, nil
}
