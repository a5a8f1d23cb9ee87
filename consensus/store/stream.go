package store

import (
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"warren/mesh/identity"
)

// Address is a NodeID as text: how Raft calls a controller.
type Address = raft.ServerAddress

// StreamLayer carries Raft's connections between controllers: a net.Listener
// whose Addr is this node's NodeID as text, and a Dial to a NodeID as text.
// Who is on the other side must be proven before a connection is handed over.
// Accept and Dial are called from several goroutines. Run closes it.
type StreamLayer interface {
	net.Listener
	Dial(node Address, timeout time.Duration) (net.Conn, error)
}

// layer adds two things to a StreamLayer: it closes the connections it handed
// out, which raft leaves open, and it reaches itself.
type layer struct {
	StreamLayer
	self Address

	accepted chan net.Conn
	failed   chan error
	done     chan struct{}

	mu     sync.Mutex
	closed bool
	live   map[*tracked]struct{}
}

func newLayer(under StreamLayer, self identity.NodeID) *layer {
	return &layer{
		StreamLayer: under, self: Address(self.String()),
		accepted: make(chan net.Conn), failed: make(chan error), done: make(chan struct{}),
		live: make(map[*tracked]struct{}),
	}
}

// run accepts from the layer below until it fails after Close.
func (l *layer) run() {
	for {
		conn, err := l.StreamLayer.Accept()
		if err != nil {
			select {
			case l.failed <- err:
				continue
			case <-l.done:
				return
			}
		}
		select {
		case l.accepted <- conn:
		case <-l.done:
			conn.Close()
		}
	}
}

// Accept implements net.Listener for raft's transport.
func (l *layer) Accept() (net.Conn, error) {
	select {
	case conn := <-l.accepted:
		return l.track(conn)
	case err := <-l.failed:
		return nil, err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Dial connects to a peer, or through a pipe to this node's own Accept.
func (l *layer) Dial(to Address, timeout time.Duration) (net.Conn, error) {
	if to != l.self {
		conn, err := l.StreamLayer.Dial(to, timeout)
		if err != nil {
			return nil, err
		}
		return l.track(conn)
	}
	near, far := net.Pipe()
	select {
	case l.accepted <- far:
		return l.track(near)
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Addr is the NodeID as text, whatever the layer below says.
func (l *layer) Addr() net.Addr { return addr(l.self) }

// Close closes the layer below and every connection that is still open.
func (l *layer) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	live := make([]*tracked, 0, len(l.live))
	for c := range l.live {
		live = append(live, c)
	}
	l.mu.Unlock()

	close(l.done)
	err := l.StreamLayer.Close()
	for _, c := range live {
		c.Close()
	}
	return err
}

func (l *layer) track(conn net.Conn) (net.Conn, error) {
	t := &tracked{Conn: conn, layer: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	l.live[t] = struct{}{}
	return t, nil
}

// tracked is a connection its layer can close.
type tracked struct {
	net.Conn
	layer *layer
}

func (t *tracked) Close() error {
	t.layer.mu.Lock()
	delete(t.layer.live, t)
	t.layer.mu.Unlock()
	return t.Conn.Close()
}

type addr Address

func (addr) Network() string  { return "warren" }
func (a addr) String() string { return string(a) }
