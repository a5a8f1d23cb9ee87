package rendezvous

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"go4.org/mem"
	"tailscale.com/derp"
	"tailscale.com/derp/derpserver"
	"tailscale.com/types/key"
)

const (
	// maxClients bounds the connections that DERP holds, maxPerKey those of
	// one member: a second one comes when a network changes under the first.
	maxClients = 4096
	maxPerKey  = 3
	// bytesPerSecond and burst bound what one client sends.
	bytesPerSecond = 12 << 20
	burst          = 4 << 20
	// maxInfo bounds the first message of a client, which has some 150 bytes.
	maxInfo = 1 << 10
)

// derpServer is the HTTP handler behind the doors. It knows who has each
// connection, which the library keeps to itself.
type derpServer struct {
	server *derpserver.Server
	key    key.NodePrivate
	member func([32]byte) bool
	pages  http.Handler
	log    *slog.Logger

	mu      sync.Mutex // guards the following
	clients map[*client]struct{}
	wait    sync.WaitGroup
}

// client is a connection whose other end has been told our key. Key is zero
// until it has proven its own.
type client struct {
	conn net.Conn
	key  key.NodePublic
}

func newDERP(member func([32]byte) bool, pages http.Handler, log *slog.Logger) *derpServer {
	if pages == nil {
		pages = http.NotFoundHandler()
	}
	// The key seals the greetings of one run; clients learn it inside TLS,
	// whose certificate they know.
	d := &derpServer{key: key.NewNode(), member: member, pages: pages, log: log, clients: map[*client]struct{}{}}
	d.server = derpserver.New(d.key, libraryLog(log))
	d.server.UpdateRateLimits(derpserver.RateConfig{
		PerClientRateLimitBytesPerSec: bytesPerSecond, PerClientRateBurstBytes: burst,
	})
	return d
}

// ServeHTTP knows three paths, byte for byte; the rest is for pages.
func (d *derpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.RequestURI {
	case "/derp/latency-check", "/derp/probe":
		derpserver.ProbeHandler(w, r)
	case "/derp":
		d.upgrade(w, r)
	default:
		d.pages.ServeHTTP(w, r)
	}
}

func (d *derpServer) upgrade(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), "derp") {
		http.Error(w, "this is a rendezvous of a warren mesh", http.StatusUpgradeRequired)
		return
	}
	c := &client{}
	if !d.enter(c) {
		http.Error(w, "too many connections", http.StatusServiceUnavailable)
		return
	}
	defer d.leave(c)
	conn, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	d.mu.Lock()
	c.conn = conn
	d.mu.Unlock()
	fmt.Fprint(brw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n")
	brw.Reader = bufio.NewReader(&gate{from: brw.Reader, admit: func(box []byte) error { return d.admit(c, box) }})
	d.server.Accept(r.Context(), conn, brw, conn.RemoteAddr().String())
}

func (d *derpServer) enter(c *client) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clients == nil || len(d.clients) >= maxClients {
		return false
	}
	d.clients[c] = struct{}{}
	d.wait.Add(1)
	return true
}

func (d *derpServer) leave(c *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.clients, c)
	d.wait.Done()
}

// admit reads a client's greeting: its key, and a box that only the holder of
// that key can have sealed for us.
func (d *derpServer) admit(c *client, greeting []byte) error {
	claimed := key.NodePublicFromRaw32(mem.B(greeting[:derp.KeyLen]))
	if _, ok := d.key.OpenFrom(claimed, greeting[derp.KeyLen:]); !ok {
		return errors.New("not sealed by the key it names")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.member(claimed.Raw32()) { //nolint:staticcheck // nor another way out
		return fmt.Errorf("%s is no member", claimed.ShortString())
	}
	same := 0
	for o := range d.clients {
		if o.key == claimed {
			same++
		}
	}
	if same >= maxPerKey {
		return fmt.Errorf("%s has %d connections", claimed.ShortString(), same)
	}
	c.key = claimed
	return nil
}

// throwOut closes the connections of members that are none any more.
func (d *derpServer) throwOut() {
	d.closeIf(func(k key.NodePublic) bool {
		return !k.IsZero() && !d.member(k.Raw32()) //nolint:staticcheck // nor another way out
	})
}

func (d *derpServer) closeIf(gone func(key.NodePublic) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.clients {
		if c.conn != nil && gone(c.key) {
			hangUp(c.conn)
		}
	}
}

// hangUp closes without TLS's good-bye, which waits for who does not read.
func hangUp(c net.Conn) {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	_ = c.Close()
}

func (d *derpServer) close() {
	_ = d.server.Close()
	d.closeIf(func(key.NodePublic) bool { return true })
	d.wait.Wait()
}

// gate lets the rest of a client's stream through once its first frame has
// been admitted.
type gate struct {
	from   io.Reader
	admit  func(greeting []byte) error
	opened bool
	ahead  []byte // read, but not passed on yet
}

func (g *gate) Read(p []byte) (int, error) {
	if !g.opened {
		if err := g.open(); err != nil {
			return 0, err
		}
	}
	if len(g.ahead) > 0 {
		n := copy(p, g.ahead)
		g.ahead = g.ahead[n:]
		return n, nil
	}
	return g.from.Read(p)
}

func (g *gate) open() error {
	head := make([]byte, derp.FrameHeaderLen)
	if _, err := io.ReadFull(g.from, head); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if derp.FrameType(head[0]) != derp.FrameClientInfo || n < derp.KeyLen+derp.NonceLen || n > maxInfo {
		return errors.New("no greeting of a derp client")
	}
	frame := make([]byte, derp.FrameHeaderLen+n)
	copy(frame, head)
	greeting := frame[derp.FrameHeaderLen:]
	if _, err := io.ReadFull(g.from, greeting); err != nil {
		return fmt.Errorf("greeting of %d bytes is cut: %w", n, err)
	}
	if err := g.admit(greeting); err != nil {
		return err
	}
	g.opened, g.ahead = true, frame
	return nil
}
