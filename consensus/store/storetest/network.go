package storetest

import (
	"errors"
	"maps"
	"net"
	"slices"
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
	muted  map[[2]raft.ServerAddress]bool
	ends   map[*end]struct{}
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
		n.muted = map[[2]raft.ServerAddress]bool{}
		n.ends = map[*end]struct{}{}
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

// Mute keeps what one node sends from reaching another, or lets it through
// again; the other way is as it was. As with TCP, connections stay, what is sent
// meanwhile arrives afterwards, and none is made.
func (n *Network) Mute(from, to identity.NodeID, on bool) {
	way := [2]raft.ServerAddress{raft.ServerAddress(from.String()), raft.ServerAddress(to.String())}
	n.mu.Lock()
	n.muted[way] = on
	ends := slices.Collect(maps.Keys(n.ends))
	n.mu.Unlock()
	for _, e := range ends {
		e.mu.Lock()
		e.more.Broadcast()
		e.mu.Unlock()
	}
}

func (n *Network) isMuted(way [2]raft.ServerAddress) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.muted[way]
}

// end is one side of a connection. Like a socket it takes what is written and
// sends it by itself.
type end struct {
	net.Conn
	net *Network
	way [2]raft.ServerAddress

	mu     sync.Mutex // guards the following
	queue  []byte
	closed bool
	more   *sync.Cond
}

// queueBytes is what a side takes before it is full.
const queueBytes = 1 << 20

// end must be called with n locked.
func (n *Network) end(c net.Conn, from, to raft.ServerAddress) *end {
	e := &end{Conn: c, net: n, way: [2]raft.ServerAddress{from, to}}
	e.more = sync.NewCond(&e.mu)
	n.ends[e] = struct{}{}
	go e.send()
	return e
}

func (e *end) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || len(e.queue) > queueBytes {
		return 0, net.ErrClosed
	}
	e.queue = append(e.queue, b...)
	e.more.Signal()
	return len(b), nil
}

// send runs until the connection ends, at either side.
func (e *end) send() {
	for {
		e.mu.Lock()
		for !e.closed && (len(e.queue) == 0 || e.net.isMuted(e.way)) {
			e.more.Wait()
		}
		b, closed := e.queue, e.closed
		e.queue = nil
		e.mu.Unlock()
		if closed {
			return
		}
		if _, err := e.Conn.Write(b); err != nil {
			e.Close()
			return
		}
	}
}

// Close implements net.Conn.
func (e *end) Close() error {
	e.net.mu.Lock()
	delete(e.net.ends, e)
	e.net.mu.Unlock()
	e.mu.Lock()
	e.closed = true
	e.more.Broadcast()
	e.mu.Unlock()
	return e.Conn.Close()
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
	off := l.net.cut[l.self] || l.net.cut[to] ||
		l.net.muted[[2]raft.ServerAddress{l.self, to}] || l.net.muted[[2]raft.ServerAddress{to, l.self}]
	l.net.mu.Unlock()
	if peer == nil || off {
		return nil, errUnreachable
	}
	a, b := net.Pipe()
	l.net.mu.Lock()
	near, far := l.net.end(a, l.self, to), l.net.end(b, to, l.self)
	l.net.mu.Unlock()
	select {
	case peer.accept <- far:
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		l.net.conns[a] = [2]raft.ServerAddress{l.self, to}
		return near, nil
	case <-peer.done:
	case <-time.After(timeout):
	}
	return nil, errors.Join(errUnreachable, near.Close(), far.Close())
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
