package broker

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	// maxPacket is the largest packet taken from or given to WebRTC: 1191 bytes
	// of SCTP, 37 of DTLS, and some room.
	maxPacket = 1500
	// maxQueued bounds what waits on a path, in packets. Beyond it packets are
	// dropped, as a socket's buffer would, and SCTP sends them again.
	maxQueued = 512
)

// path is one session's part of the Hub's socket: a net.PacketConn for the
// ICE agent, and the ice.UDPMux that hands it over.
type path struct {
	hub *Hub
	tag tag

	incoming chan packet
	done     chan struct{}
	once     sync.Once

	mu       sync.Mutex
	deadline time.Time
	moved    chan struct{} // closed when deadline changes
	remote   tag           // the other side's tag; 0 while unknown
}

type packet struct {
	data *[]byte
	from netip.AddrPort
}

// newPacket makes what the Hub's pool hands out.
func newPacket() any {
	b := make([]byte, 0, tagSize+maxPacket)
	return &b
}

func newPath(h *Hub, t tag) *path {
	return &path{
		hub: h, tag: t, incoming: make(chan packet, maxQueued),
		done: make(chan struct{}), moved: make(chan struct{}),
	}
}

// aim sets the tag that the other side listens to.
func (p *path) aim(remote tag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remote = remote
}

// deliver queues a copy of data, or drops it.
func (p *path) deliver(data []byte, from netip.AddrPort) {
	b, _ := p.hub.packets.Get().(*[]byte)
	*b = append((*b)[:0], data...)
	select {
	case p.incoming <- packet{b, from}:
	default:
		p.hub.packets.Put(b)
	}
}

// ReadFromAddrPort blocks for the next packet. It is pion's interface for
// reading without an allocation.
func (p *path) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		p.mu.Lock()
		deadline, moved := p.deadline, p.moved
		p.mu.Unlock()
		var timeout <-chan time.Time
		if !deadline.IsZero() {
			left := time.Until(deadline)
			if left <= 0 {
				return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
			}
			timer := time.NewTimer(left)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case in := <-p.incoming:
			n := copy(b, *in.data)
			p.hub.packets.Put(in.data)
			return n, in.from, nil
		case <-p.done:
			return 0, netip.AddrPort{}, io.EOF
		case <-timeout:
			return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
		case <-moved:
		}
	}
}

// WriteToAddrPort tags b and sends it.
func (p *path) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	p.mu.Lock()
	remote := p.remote
	p.mu.Unlock()
	select {
	case <-p.done:
		return 0, net.ErrClosed
	default:
	}
	if remote == 0 || len(b) > maxPacket || !p.hub.cfg.AllowCandidate(to.Addr().Unmap()) {
		return len(b), nil // as lost on the wire
	}
	out, _ := p.hub.packets.Get().(*[]byte)
	defer p.hub.packets.Put(out)
	*out = append(binary.BigEndian.AppendUint32((*out)[:0], uint32(remote)), b...)
	if err := p.hub.send(*out, to); err != nil {
		return 0, err
	}
	return len(b), nil
}

// ReadFrom is ReadFromAddrPort for net.PacketConn.
func (p *path) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo is WriteToAddrPort for net.PacketConn.
func (p *path) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return p.WriteToAddrPort(b, udp.AddrPort())
}

// Close gives the tag back.
func (p *path) Close() error {
	p.once.Do(func() {
		close(p.done)
		p.hub.forget(p.tag)
	})
	return nil
}

// LocalAddr is the Hub's address.
func (p *path) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.hub.address) }

// SetReadDeadline wakes a blocked read where t has passed.
func (p *path) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	close(p.moved)
	p.moved = make(chan struct{})
	return nil
}

// SetWriteDeadline does nothing: writing to a UDP socket hardly blocks.
func (p *path) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is SetReadDeadline.
func (p *path) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// pathMux hands a path to the one ICE agent it was made for.
type pathMux struct{ path *path }

// GetConn gives the path, whatever name the agent asks for.
func (m pathMux) GetConn(string, net.Addr) (net.PacketConn, error) { return m.path, nil }

// RemoveConnByUfrag does nothing: the link closes the path.
func (m pathMux) RemoveConnByUfrag(string) {}

// GetListenAddresses is the one candidate there is.
func (m pathMux) GetListenAddresses() []net.Addr { return []net.Addr{m.path.LocalAddr()} }

// Close does nothing: the link closes the path.
func (m pathMux) Close() error { return nil }
