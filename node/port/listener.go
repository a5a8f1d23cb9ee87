package port

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"warren/mesh/identity"
)

// Protocols by ALPN name.
const (
	Enrol = "warren-enrol/1"
	Node  = "warren-node/1"
	Raft  = "warren-raft/1"
	// Anyone stands for TLS clients that name none of these and prove nothing:
	// other machines' DERP clients, and browsers.
	Anyone = ""
)

// Bounds of what strangers can hold open.
const (
	HandshakeTimeout = 5 * time.Second
	MaxHandshakes    = 256
	// From one address: a branch office behind one NAT has many machines, but
	// they do not all greet at once.
	MaxHandshakesPerSource = 32
	MaxConnsPerSource      = 512
)

// Config of a Listener.
type Config struct {
	Key identity.NodeKey
	// Admit decides about a proven key and a protocol. It must not block.
	Admit func(id identity.NodeID, key ed25519.PublicKey, protocol string) error
	// Anyone is the certificate shown to those of the protocol Anyone; nil
	// refuses them.
	Anyone *tls.Certificate
	// Browsers is shown in its place to who takes no Ed25519; nil is Anyone's.
	Browsers *tls.Certificate
	Log      *slog.Logger
}

// Listener accepts TLS connections and hands each to its protocol's queue.
type Listener struct {
	cfg    Config
	tls    *tls.Config
	queues map[string]*queue

	sources sources

	mu   sync.Mutex
	live map[*Conn]struct{}
}

// NewListener prepares the protocols given; nothing is bound yet.
func NewListener(cfg Config, protocols ...string) (*Listener, error) {
	conf, err := identity.ServerConfig(cfg.Key, protocols, cfg.Admit)
	if err != nil {
		return nil, err
	}
	l := &Listener{cfg: cfg, tls: conf, queues: map[string]*queue{}, live: map[*Conn]struct{}{}}
	if cfg.Anyone != nil {
		conf.GetConfigForClient = forAnyone(protocols, cfg.Anyone, cfg.Browsers)
		protocols = append(slices.Clone(protocols), Anyone)
	}
	for _, p := range protocols {
		l.queues[p] = &queue{conns: make(chan *Conn), closed: make(chan struct{})}
	}
	return l, nil
}

// forAnyone picks the configuration by what the client names: with one of
// protocols it has to prove a node key, without it gets no further than the
// queue of Anyone.
func forAnyone(protocols []string, anyone, browsers *tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	open := &tls.Config{
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if browsers != nil && !slices.Contains(hello.SignatureSchemes, tls.Ed25519) {
				return browsers, nil
			}
			return anyone, nil
		},
		MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
	}
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		for _, p := range hello.SupportedProtos {
			if slices.Contains(protocols, p) {
				return nil, nil //nolint:nilnil // means the configuration for members
			}
		}
		return open, nil
	}
}

// Protocol is the net.Listener of one protocol.
func (l *Listener) Protocol(name string) net.Listener { return l.queues[name] }

// Run accepts on every socket until ctx ends, then closes all connections.
func (l *Listener) Run(ctx context.Context, sockets ...net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	slots := make(chan struct{}, MaxHandshakes)
	for _, s := range sockets {
		g.Go(func() error { return l.accept(ctx, g, s, slots) })
	}
	g.Go(func() error {
		<-ctx.Done()
		for _, s := range sockets {
			_ = s.Close()
		}
		for _, q := range l.queues {
			_ = q.Close()
		}
		l.closeIf(func(*Conn) bool { return true })
		return nil
	})
	return g.Wait()
}

func (l *Listener) accept(ctx context.Context, g *errgroup.Group, s net.Listener, slots chan struct{}) error {
	for {
		raw, err := s.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("accept on %s: %w", s.Addr(), err)
			}
			select { // out of files, most likely: let some close
			case <-ctx.Done():
				return nil
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		// What is too much is dropped, never waited for: who floods must not
		// keep the others out.
		from := source(raw)
		if !l.sources.enter(from) {
			_ = raw.Close()
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			l.sources.greeted(from)
			l.sources.left(from)
			_ = raw.Close()
			continue
		}
		g.Go(func() error {
			defer func() { <-slots }()
			l.greet(ctx, raw, from)
			return nil
		})
	}
}

// greet runs the handshake and queues the connection. What a stranger does
// wrong is his trouble: debug level.
func (l *Listener) greet(ctx context.Context, raw net.Conn, from netip.Addr) {
	kept := false
	defer func() {
		l.sources.greeted(from)
		if !kept {
			l.sources.left(from)
		}
	}()
	hctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	t := tls.Server(raw, l.tls)
	if err := t.HandshakeContext(hctx); err != nil {
		l.cfg.Log.Debug("handshake refused", "from", raw.RemoteAddr(), "err", err)
		_ = raw.Close()
		return
	}
	c, err := newConn(t)
	if err != nil {
		_ = t.Close()
		return
	}
	q := l.queues[c.protocol]
	if q == nil {
		_ = t.Close()
		return
	}
	c.onClose = func() {
		l.mu.Lock()
		delete(l.live, c)
		l.mu.Unlock()
		l.sources.left(from)
	}
	kept = true
	l.mu.Lock()
	l.live[c] = struct{}{}
	l.mu.Unlock()
	select {
	case q.conns <- c:
	case <-q.closed:
		_ = c.Close()
	case <-ctx.Done():
		_ = c.Close()
	}
}

// Recheck closes every connection whose key Admit no longer lets in.
func (l *Listener) Recheck() {
	l.closeIf(func(c *Conn) bool {
		return c.protocol != Anyone && l.cfg.Admit(c.id, c.key, c.protocol) != nil
	})
}

func (l *Listener) closeIf(gone func(*Conn) bool) {
	l.mu.Lock()
	var closing []*Conn
	for c := range l.live {
		if gone(c) {
			closing = append(closing, c)
		}
	}
	l.mu.Unlock()
	for _, c := range closing {
		_ = c.Close()
	}
}

// queue is a net.Listener fed by handshakes.
type queue struct {
	conns  chan *Conn
	closed chan struct{}
	once   sync.Once
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

func (q *queue) Addr() net.Addr { return &net.TCPAddr{} }

// Conn is a connection whose other end has proven its key, unless its protocol
// is Anyone. It hides the TLS layer, so that net/http serves HTTP/2 on it as on
// a plain connection.
type Conn struct {
	net.Conn
	under    net.Conn
	id       identity.NodeID
	key      ed25519.PublicKey
	protocol string
	once     sync.Once
	onClose  func()
}

func newConn(t *tls.Conn) (*Conn, error) {
	state := t.ConnectionState()
	if state.NegotiatedProtocol == Anyone {
		return &Conn{Conn: t, under: t.NetConn(), protocol: Anyone}, nil
	}
	id, key, err := identity.PeerOf(state)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: t, under: t.NetConn(), id: id, key: key, protocol: state.NegotiatedProtocol}, nil
}

// NetConn is the connection beneath TLS.
func (c *Conn) NetConn() net.Conn { return c.under }

// Peer is the proven other end.
func (c *Conn) Peer() (identity.NodeID, ed25519.PublicKey) { return c.id, c.key }

// Close closes once; later calls do nothing.
func (c *Conn) Close() error {
	var err error
	c.once.Do(func() {
		err = c.Conn.Close()
		if c.onClose != nil {
			c.onClose()
		}
	})
	return err
}
