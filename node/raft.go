package node

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"warren/consensus/store"
	"warren/mesh/identity"
	"warren/node/port"
)

// raftLayer carries Raft between controllers on the node port. Who is at the
// other end is held against the trust log's controllers when a connection is
// made, whoever makes it, and whenever the trust log changes.
type raftLayer struct {
	life *life

	mu     sync.Mutex
	dialed map[*dialed]struct{}
}

func newRaftLayer(l *life) *raftLayer {
	return &raftLayer{life: l, dialed: map[*dialed]struct{}{}}
}

// Accept, Close and Addr implement net.Listener; admit has judged the peer.
func (l *raftLayer) Accept() (net.Conn, error) { return l.life.port.Protocol(port.Raft).Accept() }
func (l *raftLayer) Close() error              { return l.life.port.Protocol(port.Raft).Close() }
func (l *raftLayer) Addr() net.Addr            { return raftAddr(l.life.key.ID().String()) }

// Dial implements store.StreamLayer.
func (l *raftLayer) Dial(address store.Address, timeout time.Duration) (net.Conn, error) {
	id, err := identity.ParseNodeID(string(address))
	if err != nil {
		return nil, err
	}
	if err := l.may(id); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := port.DialAny(ctx, l.life.key, id, port.Raft, l.life.addressesOf(id))
	if err != nil {
		return nil, err
	}
	d := &dialed{Conn: conn, layer: l, to: id}
	l.mu.Lock()
	l.dialed[d] = struct{}{}
	l.mu.Unlock()
	if err := l.may(id); err != nil { // it was removed meanwhile
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

func (l *raftLayer) may(id identity.NodeID) error {
	if !l.life.view.Now().Log.IsController(id) {
		return fmt.Errorf("node %s is no controller", id.Short())
	}
	return nil
}

// recheck ends the connections to those who are controllers no more.
func (l *raftLayer) recheck() {
	l.mu.Lock()
	var closing []*dialed
	for d := range l.dialed {
		if l.may(d.to) != nil {
			closing = append(closing, d)
		}
	}
	l.mu.Unlock()
	for _, d := range closing {
		_ = d.Close()
	}
}

// dialed is a connection that its layer can end.
type dialed struct {
	net.Conn
	layer *raftLayer
	to    identity.NodeID
}

func (d *dialed) Close() error {
	d.layer.mu.Lock()
	delete(d.layer.dialed, d)
	d.layer.mu.Unlock()
	return d.Conn.Close()
}

type raftAddr string

func (raftAddr) Network() string  { return "warren" }
func (a raftAddr) String() string { return string(a) }
