package engine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"warren/mesh"
)

// hostStack makes the system's own sockets, for ModeKernel. The router gives
// the device its addresses.
type hostStack struct {
	device string
	own    *speakers

	mu    sync.Mutex // guards the following
	addrs []netip.Prefix
}

func (s *hostStack) setAddresses(want []netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addrs = want
	return nil
}

// address is this machine's own of the family of to.
func (s *hostStack) address(to netip.Addr) netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.addrs {
		if p.Addr().Is4() == to.Is4() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// config listens to what comes through the tunnel, and from this machine. The
// system would take packets for the overlay address from a LAN as well, where
// the source may be anybody's.
func (s *hostStack) config() net.ListenConfig {
	return net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, func(fd uintptr) error { return bindToDevice(fd, s.device) })
	}}
}

func (s *hostStack) listen(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	lc := s.config()
	return lc.Listen(ctx, "tcp", at.String())
}

// dial to one of the mesh's own ports is TCP: packets come from datagrams.
func (s *hostStack) dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	if !mesh.OwnPort(to.Port()) {
		return d.DialContext(ctx, network, to.String())
	}
	from := s.address(to.Addr())
	if !from.IsValid() {
		return nil, fmt.Errorf("dial %s: this machine has no overlay address of that family", to)
	}
	done := func() {}
	defer func() { done() }()
	d.Control = func(_, _ string, c syscall.RawConn) error {
		return control(c, func(fd uintptr) error {
			at, err := claim(fd, from)
			if err == nil {
				done() // of an attempt before
				done = s.own.add(speaker{at, to})
			}
			return err
		})
	}
	return d.DialContext(ctx, "tcp", to.String())
}

func (s *hostStack) close() {}

// control does something with a socket before it is used.
func control(c syscall.RawConn, do func(fd uintptr) error) error {
	var failed error
	if err := c.Control(func(fd uintptr) { failed = do(fd) }); err != nil {
		return err
	}
	return failed
}
