package port_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"warren/mesh/identity"
	"warren/node/port"
)

// memory is a net.Listener without a network, so that time can be false.
type memory struct {
	conns chan net.Conn
	gone  chan struct{}
	once  sync.Once
	fail  error // what Accept says at the end
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), gone: make(chan struct{}), fail: net.ErrClosed}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.gone:
		return nil, m.fail
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.gone) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// from is a connection that says where it comes from.
type from struct {
	net.Conn
	host byte
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, f.host), Port: 4000} }

// offer hands one end of a new connection to the listener within limit.
func (m *memory) offer(limit time.Duration) (net.Conn, bool) { return m.offerFrom(1, limit) }

func (m *memory) offerFrom(host byte, limit time.Duration) (net.Conn, bool) {
	here, there := net.Pipe()
	select {
	case m.conns <- from{there, host}:
		return here, true
	case <-time.After(limit):
		return nil, false
	}
}

func TestSilentStrangersHoldALimitedNumberOfHandshakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		l, err := port.NewListener(port.Config{Key: key, Admit: everybody, Log: slog.New(slog.DiscardHandler)}, port.Node)
		if err != nil {
			t.Fatal(err)
		}
		socket := newMemory()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx, socket) }()

		// Whoever comes on top is dropped at once, not kept waiting.
		began := time.Now()
		var held int
		for range 3 * port.MaxHandshakesPerSource {
			c, ok := socket.offer(time.Second)
			if !ok {
				t.Fatal("the listener does not accept")
			}
			defer c.Close()
			if c.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
				continue // dropped already
			}
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
				held++
			}
		}
		if held != port.MaxHandshakesPerSource {
			t.Errorf("%d handshakes are under way, want %d", held, port.MaxHandshakesPerSource)
		}
		time.Sleep(port.HandshakeTimeout)

		// They do not keep others out for longer than a handshake may take.
		raw, ok := socket.offer(2 * port.HandshakeTimeout)
		if !ok {
			t.Fatal("nobody else gets in")
		}
		defer raw.Close()
		caller := newKey(t)
		conf, err := identity.ClientConfig(caller, []string{port.Node}, key.ID())
		if err != nil {
			t.Fatal(err)
		}
		accepted := make(chan net.Conn, 1)
		go func() {
			if c, err := l.Protocol(port.Node).Accept(); err == nil {
				accepted <- c
			}
		}()
		client := tls.Client(raw, conf)
		go func() { _, _ = io.Copy(io.Discard, client) }()
		if err := client.HandshakeContext(ctx); err != nil {
			t.Fatal(err)
		}
		<-accepted
		if waited := time.Since(began); waited > port.HandshakeTimeout+5*time.Second {
			t.Errorf("it took %s to get in", waited)
		}

		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		// The bubble fails where a goroutine of Run is left.
	})
}

// silent tells whether a connection from host is held, its handshake waited
// for, or dropped at once.
func (m *memory) silent(t *testing.T, host byte) bool {
	t.Helper()
	c, ok := m.offerFrom(host, time.Second)
	if !ok {
		t.Fatal("the listener does not accept")
	}
	t.Cleanup(func() { _ = c.Close() })
	if c.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return false
	}
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func TestOneFloodDoesNotKeepOthersOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, err := port.NewListener(port.Config{Key: newKey(t), Admit: everybody, Log: slog.New(slog.DiscardHandler)}, port.Node)
		if err != nil {
			t.Fatal(err)
		}
		socket := newMemory()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx, socket) }()

		const hosts = port.MaxHandshakes / port.MaxHandshakesPerSource
		for host := range byte(hosts) {
			for i := range port.MaxHandshakesPerSource {
				if !socket.silent(t, host) {
					t.Fatalf("host %d may have %d handshakes only", host, i)
				}
			}
			if socket.silent(t, host) {
				t.Fatalf("host %d may have more than %d", host, port.MaxHandshakesPerSource)
			}
		}
		if socket.silent(t, hosts) {
			t.Errorf("more than %d handshakes are under way", port.MaxHandshakes)
		}
		time.Sleep(port.HandshakeTimeout)
		for host := range byte(hosts + 1) {
			if !socket.silent(t, host) {
				t.Errorf("host %d is kept out for longer than a handshake may take", host)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRunEndsEveryGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t)
		l, err := port.NewListener(port.Config{Key: key, Admit: everybody, Log: slog.New(slog.DiscardHandler)}, port.Node, port.Raft)
		if err != nil {
			t.Fatal(err)
		}
		socket := newMemory()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx, socket) }()

		// One in the middle of its handshake, one that nobody accepts, and one
		// that is served.
		silent, _ := socket.offer(time.Second)
		defer silent.Close()
		for _, protocol := range []string{port.Raft, port.Node} {
			raw, _ := socket.offer(time.Second)
			defer raw.Close()
			conf, err := identity.ClientConfig(newKey(t), []string{protocol}, key.ID())
			if err != nil {
				t.Fatal(err)
			}
			client := tls.Client(raw, conf)
			go func() { _, _ = io.Copy(io.Discard, client) }()
			if err := client.HandshakeContext(ctx); err != nil {
				t.Fatal(err)
			}
		}
		served, err := l.Protocol(port.Node).Accept()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v", err)
		}
		if _, err := served.Write([]byte("x")); err == nil {
			t.Error("a connection outlived Run")
		}
		if _, err := l.Protocol(port.Node).Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after the end: %v", err)
		}
	})
}

func TestServeEndsWithItsContextWhateverTheSocketSays(t *testing.T) {
	t.Parallel()
	gone := errors.New("endpoint is in invalid state")
	for name, order := range map[string]func(cancel func(), socket *memory){
		"context first": func(cancel func(), socket *memory) { cancel() },
		"socket first":  func(cancel func(), socket *memory) { cancel(); _ = socket.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 50 {
				socket := newMemory()
				socket.fail = gone
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- port.Serve(ctx, port.Server(http.NotFoundHandler(), port.PeerContext), socket) }()
				order(cancel, socket)
				if err := <-done; err != nil {
					t.Fatalf("got %v, want none: the end was asked for", err)
				}
			}
		})
	}
	socket := newMemory()
	socket.fail = gone
	_ = socket.Close()
	if err := port.Serve(t.Context(), port.Server(http.NotFoundHandler(), port.PeerContext), socket); !errors.Is(err, gone) {
		t.Errorf("got %v, want %v: nobody asked for the end", err, gone)
	}
}

func TestHandlersKnowTheCaller(t *testing.T) {
	t.Parallel()
	d := open(t, everybody, port.Node)
	caller := newKey(t)
	seen := make(chan port.Peer, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := port.PeerFrom(r.Context())
		if !ok || r.ProtoMajor != 2 {
			http.Error(w, "unknown caller or protocol", http.StatusForbidden)
			return
		}
		seen <- p
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- port.Serve(ctx, port.Server(handler, port.PeerContext), d.Protocol(port.Node)) }()
	transport := port.Transport(func(ctx context.Context) (net.Conn, error) {
		return port.Dial(ctx, caller, d.key.ID(), port.Node, d.address)
	})
	res, err := (&http.Client{Transport: transport}).Get("http://controller/")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %s", res.Status)
	}
	if p := <-seen; p.ID != caller.ID() || !p.Key.Equal(caller.Public()) || !p.Address.Addr().IsLoopback() {
		t.Errorf("the handler saw %v, want %s on loopback", p, caller.ID())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	transport.CloseIdleConnections()
}
