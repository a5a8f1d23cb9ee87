package storetest

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"warren/mesh/identity"
)

var errUnreachable = errors.New("unreachable")

// Network joins layers. Its zero value is empty and ready.
type Network struct {
	mu     sync.Mutex
	layers map[raft.ServerAddress]*Layer
	cut    map[raft.ServerAddress]bool
	conns  map[net.Conn][2]raft.ServerAddress
}

// Layer is a node's place in the network: a store.StreamLayer. One node may
// have several in turn, the newest counts.
func (n *Network) Layer(node identity.NodeID) *Layer {
	l := &Layer{net: n, self: raft.ServerAddress(node.String()), accept: make(chan net.Conn), done: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.layers == nil {
		n.layers = map[raft.ServerAddress]*Layer{}
		n.cut = map[raft.ServerAddress]bool{}
		n.conns = map[net.Conn][2]raft.ServerAddress{}
	}
	n.layers[l.self] = l
	return l
}

// Cut separates a node from all others, or joins it again. Its connections
// end.
func (n *Network) Cut(node identity.NodeID, off bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	self := raft.ServerAddress(node.String())
	n.cut[self] = off
	for conn, ends := range n.conns {
		if ends[0] == self || ends[1] == self {
			conn.Close()
			delete(n.conns, conn)
		}
	}
}

// Layer is one node's end.
type Layer struct {
	net    *Network
	self   raft.ServerAddress
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (l *Layer) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Dial implements store.StreamLayer.
func (l *Layer) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	l.net.mu.Lock()
	peer := l.net.layers[to]
	off := l.net.cut[l.self] || l.net.cut[to]
	l.net.mu.Unlock()
	if peer == nil || off {
		return nil, errUnreachable
	}
	near, far := net.Pipe()
	select {
	case peer.accept <- far:
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		l.net.conns[near] = [2]raft.ServerAddress{l.self, to}
		return near, nil
	case <-peer.done:
		return nil, errUnreachable
	case <-time.After(timeout):
		return nil, errUnreachable
	}
}

// Close implements net.Listener.
func (l *Layer) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *Layer) Addr() net.Addr { return addr(l.self) }

type addr raft.ServerAddress

func (addr) Network() string  { return "storetest" }
func (a addr) String() string { return string(a) }
