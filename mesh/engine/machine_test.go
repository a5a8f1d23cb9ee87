package engine

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"warren/mesh/filter"
	"warren/mesh/identity"
)

// machine is an engine with the identity a node would give it.
type machine struct {
	*Engine
	t       *testing.T
	id      identity.NodeID
	addr    netip.Addr // overlay IPv6
	addr4   netip.Addr // overlay IPv4
	opts    Options
	running chan error
	stop    context.CancelFunc
}

var testMesh = identity.MeshID{1, 2, 3}

func testLog(t *testing.T) *slog.Logger {
	if os.Getenv("WARREN_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

func random32() (b [32]byte) {
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	return b
}

// start makes and runs an engine; n gives it its IPv4 address.
func start(t *testing.T, n byte, opts Options) *machine {
	t.Helper()
	key, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	if opts.WireGuard == [32]byte{} {
		opts.WireGuard, opts.Disco = random32(), random32()
	}
	if opts.Log == nil {
		opts.Log = testLog(t)
	}
	m := &machine{
		t: t, id: key.ID(), opts: opts,
		addr:  testMesh.Address(key.ID()),
		addr4: netip.AddrFrom4([4]byte{10, 77, 0, n}),
	}
	m.run()
	t.Cleanup(m.end)
	return m
}

func (m *machine) run() {
	m.t.Helper()
	e, err := New(m.opts)
	if err != nil {
		m.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.Engine, m.stop, m.running = e, cancel, make(chan error, 1)
	go func() { defer close(m.running); m.running <- e.Run(ctx) }()
}

// end may be called twice.
func (m *machine) end() {
	m.stop()
	if err := <-m.running; err != nil {
		m.t.Errorf("run: %v", err)
	}
}

func (m *machine) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(m.addr, port) }

func (m *machine) peer() Peer {
	eps, _ := m.Endpoints()
	return Peer{
		ID: m.id, WireGuard: m.WireGuardPublic(), Disco: m.DiscoPublic(),
		Addresses: []netip.Addr{m.addr, m.addr4}, Endpoints: eps,
	}
}

func (m *machine) config(rules *filter.Rules, others ...*machine) Config {
	c := Config{
		Self: m.id, Mesh: testMesh,
		Addresses: []netip.Prefix{netip.PrefixFrom(m.addr, 128), netip.PrefixFrom(m.addr4, 32)},
		Routes:    []netip.Prefix{testMesh.Prefix(), netip.MustParsePrefix("10.77.0.0/24")},
		Filter:    rules,
	}
	for _, o := range others {
		c.Peers = append(c.Peers, o.peer())
	}
	return c
}

func (m *machine) apply(rules *filter.Rules, others ...*machine) {
	m.t.Helper()
	if err := m.Apply(m.config(rules, others...)); err != nil {
		m.t.Fatal(err)
	}
}

func allowAll() *filter.Rules {
	all := []netip.Prefix{netip.MustParsePrefix("::/0"), netip.MustParsePrefix("0.0.0.0/0")}
	return &filter.Rules{List: []filter.Rule{{Srcs: all, Dsts: all, Ports: filter.AllPorts()}}}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// echo answers every TCP connection on at with what it says.
func (m *machine) echo(at netip.AddrPort) {
	m.t.Helper()
	l, err := m.Listen(m.t.Context(), at)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
}

// says sends text over TCP and wants it back.
func (m *machine) says(ctx context.Context, to netip.AddrPort, text string) error {
	c, err := m.Dial(ctx, "tcp", to)
	if err != nil {
		return err
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	c.SetDeadline(deadline)
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	back := make([]byte, len(text))
	if _, err := io.ReadFull(c, back); err != nil {
		return err
	}
	if string(back) != text {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (m *machine) mustSay(to netip.AddrPort, text string) {
	m.t.Helper()
	if err := m.says(within(m.t, 5*time.Second), to, text); err != nil {
		m.t.Fatal(err)
	}
}

// pair starts two machines that know each other.
func pair(t *testing.T, rulesA, rulesB *filter.Rules) (a, b *machine) {
	t.Helper()
	a = start(t, 1, Options{Loopback: true})
	b = start(t, 2, Options{Loopback: true})
	a.apply(rulesA, b)
	b.apply(rulesB, a)
	return a, b
}

// exchange writes text and wants it back.
func exchange(c net.Conn, text string) error { return exchangeWithin(c, text, 5*time.Second) }

func exchangeWithin(c net.Conn, text string, d time.Duration) error {
	c.SetDeadline(time.Now().Add(d))
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	back := make([]byte, len(text))
	_, err := io.ReadFull(c, back)
	return err
}

// bounce sends datagrams back until pc closes.
func bounce(pc net.PacketConn) {
	buf := make([]byte, 2000)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = pc.WriteTo(buf[:n], from)
	}
}
