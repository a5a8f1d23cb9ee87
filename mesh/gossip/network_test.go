package gossip

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"warren/mesh"
	"warren/mesh/identity"
)

// overlay is a network in memory: packets that come late or never, streams,
// and cuts between hosts.
type overlay struct {
	mu    sync.Mutex
	draw  *rand.Rand
	hosts map[netip.Addr]*host
	loss  float64
	// cut, where set, says that nothing gets from one to the other.
	cut  func(from, to netip.Addr) bool
	dead map[netip.Addr]bool // hosts from which nothing comes
	// tap, where set, sees every packet sent. It must not use the overlay.
	tap func(from netip.AddrPort, to netip.Addr, b []byte)
	// sent counts bytes of packets and streams, and packets.
	packets, bytes, streamed int
	longest                  int
}

func newOverlay(seed uint64) *overlay {
	return &overlay{draw: rand.New(rand.NewPCG(seed, 1)), hosts: map[netip.Addr]*host{}, dead: map[netip.Addr]bool{}}
}

// host is one machine's pool port.
type host struct {
	net   *overlay
	at    netip.AddrPort
	in    chan parcel
	conns chan net.Conn
	end   sync.Once
	done  chan struct{}
}

type parcel struct {
	data []byte
	from netip.AddrPort
}

func (o *overlay) host(a netip.Addr) *host {
	h := &host{
		net: o, at: netip.AddrPortFrom(a, mesh.GossipPort),
		in: make(chan parcel, 4096), conns: make(chan net.Conn, 128), done: make(chan struct{}),
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hosts[a] = h
	delete(o.dead, a)
	return h
}

// partition cuts the hosts for which left says yes off from the others; nil
// heals.
func (o *overlay) partition(left func(netip.Addr) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cut = nil
	if left != nil {
		o.cut = func(a, b netip.Addr) bool { return left(a) != left(b) }
	}
}

func (o *overlay) longestPacket() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.longest
}

// way finds who has an address, and how long a packet travels there.
func (o *overlay) way(from, to netip.Addr, n int, lossy bool) (*host, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if lossy {
		o.packets++
		o.bytes += n
		o.longest = max(o.longest, n)
	} else {
		o.streamed += n
	}
	h := o.hosts[to]
	if h == nil || o.dead[from] || o.cut != nil && o.cut(from, to) || lossy && o.draw.Float64() < o.loss {
		return nil, 0
	}
	return h, 10*time.Millisecond + time.Duration(o.draw.Int64N(int64(20*time.Millisecond)))
}

// send delivers a packet as from any address.
func (o *overlay) send(from netip.AddrPort, to netip.Addr, b []byte) {
	o.mu.Lock()
	tap := o.tap
	o.mu.Unlock()
	if tap != nil {
		tap(from, to, b)
	}
	h, wait := o.way(from.Addr(), to, len(b), true)
	if h == nil {
		return
	}
	p := parcel{append([]byte(nil), b...), from}
	time.AfterFunc(wait, func() {
		select {
		case h.in <- p:
		case <-h.done:
		default:
		}
	})
}

// dial connects two hosts. Where there is no way it waits for ctx, as on a
// network that swallows packets.
func (o *overlay) dial(ctx context.Context, from netip.AddrPort, to netip.Addr) (net.Conn, error) {
	h, wait := o.way(from.Addr(), to, 0, false)
	if h == nil {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	select {
	case <-time.After(2 * wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	a := &pipe{Conn: near, net: o, local: from, remote: h.at}
	b := &pipe{Conn: far, net: o, local: h.at, remote: netip.AddrPortFrom(from.Addr(), 40000)}
	select {
	case h.conns <- b:
		return a, nil
	case <-ctx.Done(): // nobody accepts
		return nil, ctx.Err()
	case <-h.done:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}
	}
}

// pipe is one end of a stream. What is written while the hosts are cut off is
// lost, and its reader waits.
type pipe struct {
	net.Conn
	net           *overlay
	local, remote netip.AddrPort
}

func (p *pipe) Write(b []byte) (int, error) {
	if h, _ := p.net.way(p.local.Addr(), p.remote.Addr(), len(b), false); h == nil {
		return len(b), nil
	}
	return p.Conn.Write(b)
}
func (p *pipe) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(p.local) }
func (p *pipe) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(p.remote) }

// host is a net.PacketConn; listener makes its other half.
func (h *host) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-h.in:
		return copy(b, p.data), net.UDPAddrFromAddrPort(p.from), nil
	case <-h.done:
		return 0, nil, net.ErrClosed
	}
}

func (h *host) WriteTo(b []byte, to net.Addr) (int, error) {
	at, err := netip.ParseAddrPort(to.String())
	if err != nil {
		return 0, err
	}
	h.net.send(h.at, at.Addr(), b)
	return len(b), nil
}

func (h *host) Close() error {
	h.end.Do(func() {
		close(h.done)
		h.net.mu.Lock()
		if h.net.hosts[h.at.Addr()] == h {
			delete(h.net.hosts, h.at.Addr())
		}
		h.net.mu.Unlock()
	})
	return nil
}

func (h *host) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(h.at) }
func (h *host) SetDeadline(time.Time) error      { return nil }
func (h *host) SetReadDeadline(time.Time) error  { return nil }
func (h *host) SetWriteDeadline(time.Time) error { return nil }

type listener struct{ *host }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

func addressBook(mesh identity.MeshID, ids []identity.NodeID) map[netip.Addr]identity.NodeID {
	out := make(map[netip.Addr]identity.NodeID, len(ids))
	for _, id := range ids {
		out[mesh.Address(id)] = id
	}
	return out
}
