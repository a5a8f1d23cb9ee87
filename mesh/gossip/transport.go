package gossip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"golang.org/x/sync/errgroup"

	"warren/mesh/identity"
)

const (
	// queueDepth bounds the packets waiting, each way.
	queueDepth = 1024
	// streamsAtOnce bounds the streams of all peers.
	streamsAtOnce = 64
	// streamWait is how long a peer may take to send its part of a stream.
	streamWait = 10 * time.Second
	// packetWait is how long a packet may stand before a socket that takes
	// none. It is lost then, as on any network.
	packetWait = 100 * time.Millisecond
)

// transport carries the library's packets and streams over the sockets of the
// overlay, to and from peers of the plan only. Peers are addressed by name;
// the addresses the library knows follow from the names.
type transport struct {
	guard   *guard
	roster  *roster
	stats   *counters
	log     *slog.Logger
	dial    func(ctx context.Context, peer identity.NodeID) (net.Conn, error)
	packets net.PacketConn
	streams net.Listener

	in      chan *memberlist.Packet
	arrived chan net.Conn
	out     chan outgoing
	places  chan struct{}
	// done closes at Shutdown. within makes contexts that end with halt.
	done   <-chan struct{}
	shut   context.CancelFunc
	within func(time.Duration) (context.Context, context.CancelFunc)
	cancel context.CancelFunc

	mu       sync.Mutex            // guards the following
	open     map[net.Conn]struct{} // nil once closed
	lastPing uint32
	quiet    bool
}

type outgoing struct {
	to   identity.NodeID
	data []byte
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

func newTransport(c *Config, g *guard, s *counters) *transport {
	life, shut := context.WithCancel(context.Background())
	dialling, cancel := context.WithCancel(life)
	return &transport{
		guard: g, roster: g.roster, stats: s, log: c.Log, dial: c.Dial,
		packets: c.Packets, streams: c.Streams,
		in:      make(chan *memberlist.Packet, queueDepth),
		arrived: make(chan net.Conn),
		out:     make(chan outgoing, queueDepth),
		places:  make(chan struct{}, streamsAtOnce),
		done:    life.Done(),
		shut:    shut,
		within: func(d time.Duration) (context.Context, context.CancelFunc) {
			return context.WithTimeout(dialling, d)
		},
		cancel: cancel,
		open:   map[net.Conn]struct{}{},
	}
}

// run serves the sockets until Shutdown, and returns after every goroutine it
// started has ended. A socket that fails before is an error.
func (t *transport) run() error {
	var g errgroup.Group
	g.Go(func() error { return t.failed(t.readPackets()) })
	g.Go(func() error { return t.failed(t.accept(&g)) })
	g.Go(func() error { t.writePackets(); return nil })
	return g.Wait()
}

func (t *transport) failed(err error) error {
	select {
	case <-t.done:
		return nil
	default:
		_ = t.Shutdown()
		return err
	}
}

// sourceOf names the peer at the other end.
func (t *transport) sourceOf(a net.Addr) (id identity.NodeID, port uint16, ok bool) {
	var at netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		at = a.AddrPort()
	case *net.TCPAddr:
		at = a.AddrPort()
	case nil:
		return id, 0, false
	default:
		at, _ = netip.ParseAddrPort(a.String())
	}
	id, ok = t.roster.whose(at.Addr().Unmap())
	return id, at.Port(), ok
}

func (t *transport) readPackets() error {
	buf := make([]byte, 2048)
	for {
		n, from, err := t.packets.ReadFrom(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !t.pause() {
				return fmt.Errorf("read packets: %w", err)
			}
			continue
		}
		t.arrive(buf[:n], from, time.Now())
	}
}

// pause keeps a failing socket from spinning.
func (t *transport) pause() (goOn bool) {
	select {
	case <-t.done:
		return false
	case <-time.After(10 * time.Millisecond):
		return true
	}
}

func (t *transport) arrive(b []byte, from net.Addr, now time.Time) {
	source, port, ok := t.sourceOf(from)
	// Whoever may open a port below 1024 is root of the peer's machine: its
	// other users must not speak for it.
	if !ok || port != t.guard.port {
		t.stats.strangers.Add(1)
		return
	}
	switch isPeer, ok := t.roster.admits(source, now); {
	case !isPeer:
		t.stats.strangers.Add(1)
		return
	case !ok:
		t.stats.limited.Add(1)
		return
	}
	checked, err := t.guard.packet(source, b)
	if err != nil {
		t.stats.malformed.Add(1)
		t.log.Debug("packet was refused", "node", source.Short(), "err", err)
		return
	}
	t.stats.packets.Add(1)
	if checked != nil && t.speaks(0, false) {
		t.inject(checked, source, now)
	}
}

// inject hands the library a packet.
func (t *transport) inject(b []byte, source identity.NodeID, now time.Time) {
	at := net.UDPAddrFromAddrPort(t.guard.addrPort(source))
	select {
	case t.in <- &memberlist.Packet{Buf: b, From: at, Timestamp: now}:
	default:
		t.stats.dropped.Add(1)
	}
}

func (t *transport) accept(g *errgroup.Group) error {
	for {
		conn, err := t.streams.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !t.pause() {
				return fmt.Errorf("accept streams: %w", err)
			}
			continue
		}
		source, _, ok := t.sourceOf(conn.RemoteAddr())
		if !ok || !t.admit(source) {
			if !ok {
				t.stats.strangers.Add(1)
			}
			conn.Close()
			continue
		}
		g.Go(func() error {
			defer func() { <-t.places; t.roster.closeStream(source) }()
			t.receive(conn, source)
			return nil
		})
	}
}

func (t *transport) admit(source identity.NodeID) bool {
	switch isPeer, ok := t.roster.openStream(source); {
	case !isPeer:
		t.stats.strangers.Add(1)
		return false
	case !ok:
		t.stats.limited.Add(1)
		return false
	}
	select {
	case t.places <- struct{}{}:
		return true
	default:
		t.roster.closeStream(source)
		t.stats.limited.Add(1)
		return false
	}
}

// receive reads a stream to its end before the library sees its beginning, and
// returns when the library has done with it.
func (t *transport) receive(conn net.Conn, source identity.NodeID) {
	c, ok := t.keep(conn, source)
	if !ok {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(streamWait))
	checked, err := t.guard.inbound(source, bounded(conn))
	if err != nil {
		t.refused(source, err)
		c.Close()
		return
	}
	t.stats.streams.Add(1)
	c.checked = bytes.NewReader(checked)
	select {
	case t.arrived <- c:
		<-c.closed
	case <-t.done:
		c.Close()
	}
}

func (t *transport) refused(source identity.NodeID, err error) {
	if errors.Is(err, errMalformed) {
		t.stats.malformed.Add(1)
	} else {
		t.stats.refuse(err)
	}
	t.log.Debug("stream was refused", "node", source.Short(), "err", err)
}

// keep remembers a connection so that Shutdown can close it.
func (t *transport) keep(conn net.Conn, source identity.NodeID) (*checkedConn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		conn.Close()
		return nil, false
	}
	t.open[conn] = struct{}{}
	return &checkedConn{Conn: conn, t: t, source: source, closed: make(chan struct{})}, true
}

// checkedConn gives the library what the guard made of the peer's bytes.
type checkedConn struct {
	net.Conn
	t       *transport
	source  identity.NodeID
	checked *bytes.Reader // nil on a stream we opened, until the answer is read
	end     sync.Once
	closed  chan struct{}
}

// Read is called by one goroutine at a time.
func (c *checkedConn) Read(b []byte) (int, error) {
	if c.checked == nil {
		answer, err := c.t.guard.response(c.source, bounded(c.Conn))
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.t.refused(c.source, err)
			}
			return 0, err
		}
		c.checked = bytes.NewReader(answer)
	}
	return c.checked.Read(b)
}

// Write closes what failed: the library forgets to where its label does not
// get through.
func (c *checkedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil {
		c.Close()
	}
	return n, err
}

// Close may be called again.
func (c *checkedConn) Close() error {
	var err error
	c.end.Do(func() {
		err = c.Conn.Close()
		c.t.mu.Lock()
		delete(c.t.open, c.Conn)
		c.t.mu.Unlock()
		close(c.closed)
	})
	return err
}

func (t *transport) writePackets() {
	for {
		select {
		case <-t.done:
			return
		case o := <-t.out:
			_ = t.packets.SetWriteDeadline(time.Now().Add(packetWait))
			to := net.UDPAddrFromAddrPort(t.guard.addrPort(o.to))
			if _, err := t.packets.WriteTo(o.data, to); err != nil {
				t.stats.unsent.Add(1)
			}
		}
	}
}

// FinalAdvertiseAddr implements memberlist.Transport.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.guard.address(t.roster.self), int(t.guard.port), nil
}

// WriteTo implements memberlist.Transport. Nobody is known by address alone.
func (t *transport) WriteTo([]byte, string) (time.Time, error) {
	return time.Time{}, errors.New("a packet needs the name of a peer")
}

// WriteToAddress implements memberlist.NodeAwareTransport. It never blocks.
func (t *transport) WriteToAddress(b []byte, to memberlist.Address) (time.Time, error) {
	now := time.Now()
	id, err := parseNode(to.Name)
	if err != nil || !t.roster.isPeer(id) {
		// In this form the library takes it for a failure of the other side,
		// and begins to suspect.
		return now, &net.OpError{Op: "write", Net: "udp", Err: errStranger}
	}
	seq, ping := t.guard.sent(b)
	if t.speaks(seq, ping) {
		t.send(id, bytes.Clone(b))
		return now, nil
	}
	if ping {
		t.answer(seq)
	}
	return now, net.ErrClosed
}

// speaks remembers the last ping, and tells whether we still send.
func (t *transport) speaks(seq uint32, ping bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ping && !t.quiet {
		t.lastPing = seq
	}
	return !t.quiet
}

// answer ends the library's wait for a ping.
func (t *transport) answer(seq uint32) {
	var p packer
	p.begin(kindAck, 2)
	p.number("SeqNo", uint64(seq))
	p.text("Payload", nil)
	t.inject(append(t.guard.labelled(), p...), t.roster.self, time.Now())
}

func (t *transport) send(to identity.NodeID, b []byte) {
	select {
	case t.out <- outgoing{to, b}:
	default:
		t.stats.dropped.Add(1)
	}
}

// nack tells a peer that a ping on its behalf came to nothing.
func (t *transport) nack(to identity.NodeID, seq uint32) {
	var p packer
	p.begin(kindNack, 1)
	p.number("SeqNo", uint64(seq))
	t.send(to, append(t.guard.labelled(), p...))
}

// DialTimeout implements memberlist.Transport.
func (t *transport) DialTimeout(string, time.Duration) (net.Conn, error) {
	return nil, errors.New("a stream needs the name of a peer")
}

// DialAddressTimeout implements memberlist.NodeAwareTransport.
func (t *transport) DialAddressTimeout(to memberlist.Address, wait time.Duration) (net.Conn, error) {
	id, err := parseNode(to.Name)
	if err != nil || !t.roster.isPeer(id) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errStranger}
	}
	ctx, cancel := t.within(wait)
	defer cancel()
	conn, err := t.dial(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", id.Short(), err)
	}
	// The library sets a deadline only after it has written the label.
	_ = conn.SetDeadline(time.Now().Add(wait))
	c, ok := t.keep(conn, id)
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// PacketCh implements memberlist.Transport.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.in }

// StreamCh implements memberlist.Transport.
func (t *transport) StreamCh() <-chan net.Conn { return t.arrived }

// hush stops sending and receiving, and answers the pings the library still
// waits for, so that its goroutines end at once and not with their time-outs.
// It returns when the library has read that.
func (t *transport) hush() {
	const recent, looks = 64, 100
	t.mu.Lock()
	t.quiet = true
	last := t.lastPing
	t.mu.Unlock()
	for i := range uint32(recent) {
		t.answer(last - i)
	}
	idle := 0
	for range looks {
		<-time.After(time.Millisecond)
		if idle++; len(t.in) > 0 {
			idle = 0
		}
		if idle == 2 {
			return
		}
	}
}

// halt ends all streams and lets none begin. Packets still come and go.
func (t *transport) halt() {
	t.cancel()
	t.mu.Lock()
	open := t.open
	t.open = nil
	t.mu.Unlock()
	for c := range open {
		c.Close()
	}
}

// Shutdown implements memberlist.Transport. It may be called again.
func (t *transport) Shutdown() error {
	t.halt()
	t.shut()
	t.packets.Close()
	t.streams.Close()
	return nil
}
