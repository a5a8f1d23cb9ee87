package engine

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tailscale.com/net/packet"
)

// backlog is how many datagrams wait for a reader; more are dropped.
const backlog = 1024

// datagrams are the UDP sockets of this process on the overlay, in either
// mode. They take what guard.in shows them and hand the tunnel whole packets:
// no stack stands between, neither the system's nor gVisor, and no other
// program of the machine can have their ports.
type datagrams struct {
	mtu int
	// inject hands a packet to the tunnel and takes ownership of it; isSelf
	// tells own addresses.
	inject func(packet []byte) error
	isSelf func(netip.Addr) bool

	mu   sync.RWMutex // guards the following
	open map[netip.AddrPort]*datagramConn
}

// listen opens a socket at a definite address and port.
func (d *datagrams) listen(at netip.AddrPort) (net.PacketConn, error) {
	fail := func(err error) (net.PacketConn, error) {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(at), Err: err}
	}
	if at.Port() == 0 {
		return fail(syscall.EINVAL)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, taken := d.open[at]; taken {
		return fail(syscall.EADDRINUSE)
	}
	c := &datagramConn{
		all: d, at: at,
		queue: make(chan *datagram, backlog), done: make(chan struct{}),
	}
	c.deadline.wake = make(chan struct{})
	if d.open == nil {
		d.open = make(map[netip.AddrPort]*datagramConn)
	}
	d.open[at] = c
	return c, nil
}

// take gives a packet to the socket it is for, and tells whether there is one.
func (d *datagrams) take(p *packet.Parsed) bool {
	d.mu.RLock()
	c := d.open[p.Dst]
	d.mu.RUnlock()
	if c == nil {
		return false
	}
	if segment := p.Transport(); len(segment) >= header.UDPMinimumSize {
		if n := int(binary.BigEndian.Uint16(segment[4:])); n >= header.UDPMinimumSize && n <= len(segment) {
			c.deliver(segment[header.UDPMinimumSize:n], p.Src)
		}
	}
	return true
}

// datagram is one that waits.
type datagram struct {
	from netip.AddrPort
	n    int
	data []byte
}

// datagramConn is one socket. It has the methods of *net.UDPConn that its
// users look for.
type datagramConn struct {
	all  *datagrams
	at   netip.AddrPort
	free sync.Pool // of *datagram

	queue  chan *datagram
	closed atomic.Bool
	done   chan struct{}

	deadline deadline
}

func (c *datagramConn) deliver(payload []byte, from netip.AddrPort) {
	if len(c.queue) == cap(c.queue) || len(payload) > c.all.mtu {
		return
	}
	g, ok := c.free.Get().(*datagram)
	if !ok {
		g = &datagram{data: make([]byte, c.all.mtu)}
	}
	g.from, g.n = from, copy(g.data, payload)
	select {
	case c.queue <- g:
	default:
		c.free.Put(g)
	}
}

// ReadFromUDPAddrPort waits for a datagram; what b does not hold of it is lost.
func (c *datagramConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		passed, wake := c.deadline.state()
		if passed {
			return 0, netip.AddrPort{}, c.fail("read", os.ErrDeadlineExceeded)
		}
		select {
		case <-c.done:
			return 0, netip.AddrPort{}, c.fail("read", net.ErrClosed)
		case <-wake:
		case g := <-c.queue:
			n, from := copy(b, g.data[:g.n]), g.from
			c.free.Put(g)
			return n, from, nil
		}
	}
}

// ReadFrom does the same for net.PacketConn.
func (c *datagramConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteToUDPAddrPort sends a datagram, which must fit a packet of the tunnel.
func (c *datagramConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	to = unmap(to)
	size := packetSize(to.Addr(), len(b))
	switch {
	case c.closed.Load():
		return 0, c.fail("write", net.ErrClosed)
	case !to.IsValid() || to.Addr().Is4() != c.at.Addr().Is4():
		return 0, c.fail("write", syscall.EINVAL)
	case size > c.all.mtu:
		return 0, c.fail("write", syscall.EMSGSIZE)
	}
	if c.all.isSelf(to.Addr()) {
		c.all.mu.RLock()
		other := c.all.open[to]
		c.all.mu.RUnlock()
		if other != nil {
			other.deliver(b, c.at)
		}
		return len(b), nil
	}
	if err := c.all.inject(udpPacket(c.at, to, b, size)); err != nil {
		return 0, c.fail("write", err)
	}
	return len(b), nil
}

// WriteTo does the same for net.PacketConn.
func (c *datagramConn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok || u == nil {
		return 0, c.fail("write", syscall.EINVAL)
	}
	return c.WriteToUDPAddrPort(b, u.AddrPort())
}

// Close wakes who reads.
func (c *datagramConn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.all.mu.Lock()
	delete(c.all.open, c.at)
	c.all.mu.Unlock()
	close(c.done)
	return nil
}

// LocalAddr is a *net.UDPAddr.
func (c *datagramConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.at) }

// SetDeadline is for reading; nothing waits to be written.
func (c *datagramConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline ends waits at t; the zero time is never.
func (c *datagramConn) SetReadDeadline(t time.Time) error {
	c.deadline.set(t)
	return nil
}

// SetWriteDeadline does nothing: see SetDeadline.
func (c *datagramConn) SetWriteDeadline(time.Time) error { return nil }

func (c *datagramConn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Addr: c.LocalAddr(), Err: err}
}

// deadline is one that can be moved under who waits for it.
type deadline struct {
	mu    sync.Mutex // guards the following
	at    time.Time
	timer *time.Timer
	wake  chan struct{} // closed when at has passed or moved
}

// state tells whether it has passed, and gives what is closed when that may
// have changed.
func (d *deadline) state() (passed bool, wake <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.at.IsZero() && !time.Now().Before(d.at), d.wake
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	close(d.wake)
	d.at, d.wake = t, make(chan struct{})
	if !t.IsZero() && time.Now().Before(t) {
		wake := d.wake
		d.timer = time.AfterFunc(time.Until(t), func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.wake == wake { // not moved since
				close(d.wake)
				d.wake = make(chan struct{})
			}
		})
	}
}

func packetSize(to netip.Addr, payload int) int {
	if to.Is4() {
		return header.IPv4MinimumSize + header.UDPMinimumSize + payload
	}
	return header.IPv6MinimumSize + header.UDPMinimumSize + payload
}

// udpPacket makes an IP packet with a UDP datagram.
func udpPacket(from, to netip.AddrPort, payload []byte, size int) []byte {
	src, dst := tcpip.AddrFromSlice(from.Addr().AsSlice()), tcpip.AddrFromSlice(to.Addr().AsSlice())
	b := make([]byte, size)
	length := uint16(header.UDPMinimumSize + len(payload)) //nolint:gosec // at most the MTU
	segment := b[size-int(length):]
	if to.Addr().Is4() {
		ip := header.IPv4(b)
		ip.Encode(&header.IPv4Fields{
			TotalLength: uint16(size), TTL: 64, //nolint:gosec // at most the MTU
			Protocol: uint8(header.UDPProtocolNumber), SrcAddr: src, DstAddr: dst,
		})
		ip.SetChecksum(^ip.CalculateChecksum())
	} else {
		header.IPv6(b).Encode(&header.IPv6Fields{
			PayloadLength: length, HopLimit: 64,
			TransportProtocol: header.UDPProtocolNumber, SrcAddr: src, DstAddr: dst,
		})
	}
	udp := header.UDP(segment)
	udp.Encode(&header.UDPFields{SrcPort: from.Port(), DstPort: to.Port(), Length: length})
	copy(segment[header.UDPMinimumSize:], payload)
	sum := header.PseudoHeaderChecksum(header.UDPProtocolNumber, src, dst, length)
	if sum = ^checksum.Checksum(segment, sum); sum == 0 {
		sum = 0xFFFF // zero is "none" (RFC 768)
	}
	udp.SetChecksum(sum)
	return b
}
