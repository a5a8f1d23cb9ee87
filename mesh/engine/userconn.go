package engine

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

// The sockets of gVisor say things in words of their own. These speak as
// those of package net do, which programs compare with: net.ErrClosed after
// Close, os.ErrDeadlineExceeded, ECONNREFUSED and ECONNRESET.

type userListener struct {
	*gonet.TCPListener
	closed atomic.Bool
}

func (l *userListener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if err != nil {
		return nil, translate("accept", "tcp", &l.closed, err)
	}
	tcp, ok := c.(*gonet.TCPConn)
	if !ok {
		return c, nil
	}
	return &userConn{TCPConn: tcp}, nil
}

func (l *userListener) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.Shutdown() // wakes Accept; Close alone does not
	return l.TCPListener.Close()
}

type userConn struct {
	*gonet.TCPConn
	closed atomic.Bool
}

func (c *userConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	return n, translate("read", "tcp", &c.closed, err)
}

func (c *userConn) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	return n, translate("write", "tcp", &c.closed, err)
}

func (c *userConn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.TCPConn.Close()
}

// userPacketConn serves as net.PacketConn and, when it is connected, as
// net.Conn.
type userPacketConn struct {
	*gonet.UDPConn
	closed atomic.Bool
}

func (c *userPacketConn) Read(b []byte) (int, error) {
	n, err := c.UDPConn.Read(b)
	return n, translate("read", "udp", &c.closed, err)
}

func (c *userPacketConn) Write(b []byte) (int, error) {
	n, err := c.UDPConn.Write(b)
	return n, translate("write", "udp", &c.closed, err)
}

func (c *userPacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFrom(b)
	return n, from, translate("read", "udp", &c.closed, err)
}

// WriteTo takes IPv4 addresses of four and of sixteen bytes alike.
func (c *userPacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok || u == nil {
		return 0, &net.OpError{Op: "write", Net: "udp", Addr: to, Err: syscall.EINVAL}
	}
	if ip4 := u.IP.To4(); ip4 != nil {
		u = &net.UDPAddr{IP: ip4, Port: u.Port}
	}
	n, err := c.UDPConn.WriteTo(b, u)
	return n, translate("write", "udp", &c.closed, err)
}

func (c *userPacketConn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.UDPConn.Close()
}

func translate(op, network string, closed *atomic.Bool, err error) error {
	if err == nil {
		return nil
	}
	var timeout net.Error
	cause := err
	var op0 *net.OpError
	if errors.As(err, &op0) {
		cause = op0.Err
	}
	switch {
	case closed.Load():
		cause = net.ErrClosed
	case errors.As(err, &timeout) && timeout.Timeout():
		cause = os.ErrDeadlineExceeded
	case cause.Error() == (&tcpip.ErrConnectionRefused{}).String():
		cause = syscall.ECONNREFUSED
	case cause.Error() == (&tcpip.ErrConnectionReset{}).String():
		cause = syscall.ECONNRESET
	default:
		return err // io.EOF above all
	}
	return &net.OpError{Op: op, Net: network, Err: cause}
}
