package broker

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

const (
	// linger is how long Run lets the last sessions say goodbye.
	linger = time.Second
	// defaultSilence: see HubConfig.
	defaultSilence = 15 * time.Second
	// A failing socket is asked again, as some systems report one packet that
	// another machine did not want as a failure of the socket.
	readPause    = 10 * time.Millisecond
	readFailures = 500
)

// ErrHubClosed is what a path gives after its Hub has ended.
var ErrHubClosed = errors.New("session socket is closed")

// HubConfig says which socket all sessions of a node share.
type HubConfig struct {
	// Socket is bound to the node's overlay address, kernel or netstack; its
	// LocalAddr is a *net.UDPAddr with a definite address. The Hub owns it from
	// Run on and closes it.
	Socket net.PacketConn
	// AllowCandidate says which addresses sessions may talk to: the overlay's
	// only. Packets from others are dropped. It must not block.
	AllowCandidate func(netip.Addr) bool
	// Silence is how long a peer may say nothing before it counts as gone; 0 is
	// 15 seconds, more than a change of network takes.
	Silence time.Duration
	// Log gets what goes wrong on the wire; nil is silence.
	Log *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Hub owns the one UDP socket that all sessions of a node use, in both roles.
//
// Each packet begins with a 4-byte tag that the receiver chose for the session
// and gave away in its Transport. Telling sessions apart by the other side's
// address, as WebRTC's usual mux does, fails here: two sessions between the
// same two nodes have the same two addresses. Four bytes are what is left of
// an overlay packet of 1280 bytes after IPv6, UDP, DTLS and SCTP.
type Hub struct {
	cfg     HubConfig
	address netip.AddrPort
	certs   certificates
	packets sync.Pool // of *[]byte, tag and packet

	mu     sync.Mutex
	paths  map[tag]*path
	closed bool
	idle   chan struct{} // closed when the last path has gone after the end
}

// tag names a session on the wire. Its two highest bits are set, which STUN,
// DTLS and RTP never begin with (RFC 7983), so that untagged packets of a
// plain WebRTC peer can be told apart one day.
type tag uint32

const (
	tagSize = 4
	tagMark = tag(0xC0000000)
)

func getTag(b []byte) tag    { return tag(binary.BigEndian.Uint32(b)) }
func putTag(b []byte, t tag) { binary.BigEndian.PutUint32(b, uint32(t)) }

// NewHub checks the socket and starts nothing.
func NewHub(cfg HubConfig) (*Hub, error) {
	if cfg.Socket == nil || cfg.AllowCandidate == nil {
		return nil, errors.New("session hub: a socket and a rule for candidates are needed")
	}
	local, ok := cfg.Socket.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("session hub: socket is bound to a %T, want a UDP address", cfg.Socket.LocalAddr())
	}
	address := local.AddrPort()
	address = netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
	if !address.Addr().IsValid() || address.Addr().IsUnspecified() || address.Port() == 0 {
		return nil, fmt.Errorf("session hub: socket is bound to %s, want a definite address", local)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Silence == 0 {
		cfg.Silence = defaultSilence
	}
	return &Hub{
		cfg: cfg, address: address, paths: map[tag]*path{}, idle: make(chan struct{}),
		packets: sync.Pool{New: newPacket},
	}, nil
}

// Address is where other nodes reach the sessions of this one.
func (h *Hub) Address() netip.AddrPort { return h.address }

// Run hands packets out until ctx ends or the socket fails. After ctx has
// ended it serves the sessions that are saying goodbye for up to a second.
func (h *Hub) Run(ctx context.Context) error {
	if _, err := h.certificate(); err != nil { // the first session need not wait for it
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- h.read(ctx) }() // ends when the socket closes, waited for below
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		h.refuse()
		select {
		case <-h.idle:
		case <-time.After(linger):
		}
		h.cfg.Socket.Close()
		h.cfg.Log.Debug("session socket closed", "error", <-failed)
	}
	h.refuse()
	h.cfg.Socket.Close()
	for _, p := range h.list() {
		p.Close()
	}
	return err
}

// refuse makes sure that no new path opens.
func (h *Hub) refuse() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		if len(h.paths) == 0 {
			close(h.idle)
		}
	}
}

func (h *Hub) list() []*path {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*path
	for _, p := range h.paths {
		all = append(all, p)
	}
	return all
}

// read gives every packet to the path its tag names.
func (h *Hub) read(ctx context.Context) error {
	buffer := make([]byte, 64<<10)
	receive := h.receiver()
	failures := 0
	for {
		n, from, err := receive(buffer)
		if err != nil {
			failures++
			if failures > readFailures || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
				return fmt.Errorf("read session socket: %w", err)
			}
			select {
			case <-time.After(readPause):
			case <-ctx.Done():
			}
			continue
		}
		failures = 0
		if n <= tagSize || n > tagSize+maxPacket || !h.cfg.AllowCandidate(from.Addr()) {
			continue
		}
		h.mu.Lock()
		p := h.paths[getTag(buffer)]
		h.mu.Unlock()
		if p != nil {
			p.deliver(buffer[tagSize:n], from)
		}
	}
}

// udpSocket is a *net.UDPConn, or what holds one.
type udpSocket interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// receiver reads without an allocation where the socket can.
func (h *Hub) receiver() func([]byte) (int, netip.AddrPort, error) {
	if udp, ok := h.cfg.Socket.(udpSocket); ok {
		return func(b []byte) (int, netip.AddrPort, error) {
			n, from, err := udp.ReadFromUDPAddrPort(b)
			return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
		}
	}
	return func(b []byte) (int, netip.AddrPort, error) {
		n, from, err := h.cfg.Socket.ReadFrom(b)
		if err != nil {
			return 0, netip.AddrPort{}, err
		}
		udp, ok := from.(*net.UDPAddr)
		if !ok {
			return 0, netip.AddrPort{}, nil
		}
		a := udp.AddrPort()
		return n, netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), nil
	}
}

// send writes a tagged packet.
func (h *Hub) send(packet []byte, to netip.AddrPort) error {
	if udp, ok := h.cfg.Socket.(udpSocket); ok {
		_, err := udp.WriteToUDPAddrPort(packet, to)
		return err
	}
	_, err := h.cfg.Socket.WriteTo(packet, net.UDPAddrFromAddrPort(to))
	return err
}

// open makes a path with a tag no other session here has.
func (h *Hub) open() (*path, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrHubClosed
	}
	for {
		var b [tagSize]byte
		rand.Read(b[:])
		t := getTag(b[:]) | tagMark
		if _, taken := h.paths[t]; taken {
			continue
		}
		p := newPath(h, t)
		h.paths[t] = p
		return p, nil
	}
}

// forget removes a path that closed.
func (h *Hub) forget(t tag) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.paths[t]; !known {
		return
	}
	delete(h.paths, t)
	if h.closed && len(h.paths) == 0 {
		close(h.idle)
	}
}

// certificate is what both sides of this node's sessions show.
func (h *Hub) certificate() (certificate, error) { return h.certs.current(h.cfg.Now()) }

// certificate is a DTLS certificate and the SHA-256 of its DER form.
type certificate struct {
	webrtc      webrtc.Certificate
	fingerprint [32]byte
}
