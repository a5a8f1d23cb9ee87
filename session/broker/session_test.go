package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warren/mesh/identity"
	"warren/session"
	"warren/session/broker"
	"warren/session/sessiontest"
)

// source is a kind that sends count messages of size bytes and returns.
type source struct {
	count, size int
	sent        *atomic.Int64
}

func (source) Verb() string { return "source" }

func (k source) Serve(ctx context.Context, s session.Stream, _ session.Request) error {
	message := make([]byte, k.size)
	for i := range k.count {
		message[0] = byte(i)
		if err := s.Send(ctx, message); err != nil {
			return err
		}
		k.sent.Add(int64(k.size))
	}
	return nil
}

// failing is a kind that fails, or panics.
type failing struct{ panics bool }

func (failing) Verb() string { return "failing" }

func (k failing) Serve(context.Context, session.Stream, session.Request) error {
	if k.panics {
		panic("a bug in a kind")
	}
	return errors.New("a secret of the device")
}

func dial(t testing.TB, p *sessiontest.Pair, verb string) *broker.Conn {
	t.Helper()
	c, err := p.Dial(t.Context(), verb, "guest", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// waitEnd waits until the broker has told of the end of n sessions.
func waitEnd(t testing.TB, p *sessiontest.Pair, n int) []broker.Event {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		var ends []broker.Event
		for _, e := range p.Events() {
			if e.Kind == broker.SessionEnded {
				ends = append(ends, e)
			}
		}
		if len(ends) >= n {
			return ends
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions have ended, want %d", len(ends), n)
		}
	}
}

func TestEcho(t *testing.T) {
	sessiontest.NoLeaks(t)
	p := sessiontest.NewPair(t, echo{})
	c := dial(t, p, "echo")
	for _, size := range []int{1, 2, 1191, session.MaxMessage - 1, session.MaxMessage} {
		message := bytes.Repeat([]byte{byte(size)}, size)
		if err := c.Stream().Send(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Stream().Receive(t.Context()); err != nil || !bytes.Equal(got, message) {
			t.Fatalf("%d bytes came back as %d, %v", size, len(got), err)
		}
	}
	for _, size := range []int{0, session.MaxMessage + 1} {
		if err := c.Stream().Send(t.Context(), make([]byte, size)); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("a message of %d bytes gave %v", size, err)
		}
	}
	live := p.Broker.Sessions()
	if len(live) != 1 || live[0].ID != c.ID() || live[0].Verb != "echo" || live[0].OSUser != "guest" ||
		live[0].Technician != "tess" || live[0].TechnicianNode != p.TechnicianNode || !live[0].Connected || live[0].Reason != "test" {
		t.Errorf("live: %+v", live)
	}
	c.Close()
	c.Close() // twice is once
	if _, err := c.Stream().Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("receiving after Close gave %v", err)
	}
	if err := c.Stream().Send(t.Context(), []byte("x")); !errors.Is(err, io.EOF) {
		t.Errorf("sending after Close gave %v", err)
	}
	if end := waitEnd(t, p, 1)[0]; end.Err != nil || end.Session != c.ID() {
		t.Errorf("the session ended with %v", end.Err)
	}
}

// TestManySessions runs more sessions than one between the same two sockets;
// none may get another's messages.
func TestManySessions(t *testing.T) {
	sessiontest.NoLeaks(t)
	p := sessiontest.NewPair(t, echo{})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			c, err := p.Dial(t.Context(), "echo", "guest", nil)
			if err != nil {
				t.Errorf("dial %d: %v", i, err)
				return
			}
			defer c.Close()
			for j := range 50 {
				want := fmt.Appendf(nil, "session %d message %d", i, j)
				if err := c.Stream().Send(t.Context(), want); err != nil {
					t.Errorf("send: %v", err)
					return
				}
				if got, err := c.Stream().Receive(t.Context()); err != nil || !bytes.Equal(got, want) {
					t.Errorf("session %d got %q, %v", i, got, err)
					return
				}
			}
		})
	}
	all.Wait()
	waitEnd(t, p, 20)
}

// TestOneHubBothRoles has a node open a session on itself: one socket, both
// ends.
func TestOneHubBothRoles(t *testing.T) {
	p := sessiontest.NewPair(t, echo{})
	p.TechnicianHub = p.DeviceHub
	c := dial(t, p, "echo")
	if err := c.Stream().Send(t.Context(), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Stream().Receive(t.Context()); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestLastWordsArrive has a kind return right after it has sent, and the
// technician read late.
func TestLastWordsArrive(t *testing.T) {
	var sent atomic.Int64
	k := source{count: 64, size: session.MaxMessage, sent: &sent} // 1 MiB, more than is queued anywhere at once
	p := sessiontest.NewPair(t, k)
	c := dial(t, p, "source")
	time.Sleep(300 * time.Millisecond)
	for i := range k.count {
		m, err := c.Stream().Receive(t.Context())
		if err != nil || len(m) != k.size || m[0] != byte(i) {
			t.Fatalf("message %d: %d bytes, %v", i, len(m), err)
		}
		if i == k.count-10 {
			waitEnd(t, p, 1) // by now all is on our side, and the device is gone
		}
	}
	if _, err := c.Stream().Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}

// TestSendBlocks: what a technician does not read is not piled up.
func TestSendBlocks(t *testing.T) {
	var sent atomic.Int64
	p := sessiontest.NewPair(t, source{count: 1 << 20, size: session.MaxMessage, sent: &sent})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := dial(t, p, "source")
	time.Sleep(time.Second)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := sent.Load(); n > 3<<20 {
		t.Errorf("%d bytes were taken from a sender that nobody listens to", n)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if !p.Broker.End(c.ID(), "enough") {
		t.Fatal("the session is not live")
	}
	start := time.Now()
	waitEnd(t, p, 1)
	if took := time.Since(start); took > time.Second {
		t.Errorf("ending a blocked session took %s", took)
	}
}

func TestReceiveEndsWithItsContext(t *testing.T) {
	p := sessiontest.NewPair(t, echo{})
	c := dial(t, p, "echo")
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if _, err := c.Stream().Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		cancel()
		if _, err := c.Stream().Receive(ctx); err == nil {
			t.Fatal("a context that has ended gave a message")
		}
		want := fmt.Sprint(i)
		if err := c.Stream().Send(t.Context(), []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Stream().Receive(t.Context()); err != nil || string(got) != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

func TestEndReason(t *testing.T) {
	p := sessiontest.NewPair(t, echo{})
	for _, test := range []struct{ reason, want string }{
		{"the owner wants the machine back", "the owner wants the machine back"},
		{"\x1b]0;title\a", " ]0;title "},
		{"the \u202egnp.exe\u2066\u2028 file", "the  gnp.exe   file"},
	} {
		c := dial(t, p, "echo")
		if !p.Broker.End(c.ID(), test.reason) {
			t.Fatal("the session is not live")
		}
		_, err := c.Stream().Receive(t.Context())
		var end *session.EndError
		if !errors.As(err, &end) || end.Reason != test.want {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
	if p.Broker.End(session.NewID(), "x") {
		t.Error("a session that does not exist was ended")
	}
}

func TestKindThatFails(t *testing.T) {
	for _, panics := range []bool{false, true} {
		p := sessiontest.NewPair(t, failing{panics})
		_, err := dial(t, p, "failing").Stream().Receive(t.Context())
		var end *session.EndError
		if !errors.As(err, &end) || end.Reason != "the session failed on the device" || end.Unavailable {
			t.Errorf("panics %v: the technician is told %v", panics, err)
		}
		if e := waitEnd(t, p, 1)[0]; e.Err == nil {
			t.Error("the audit was told nothing")
		}
	}
}

// TestRunStops ends the device's Run with a session live.
func TestRunStops(t *testing.T) {
	sessiontest.NoLeaks(t)
	p := sessiontest.NewPair(t)
	second, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(broker.Config{Key: second, Mesh: p.Mesh, Hub: p.DeviceHub, Kinds: []session.Kind{echo{}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	p.DeviceKey, p.Broker = second, b
	b.Apply(p.Plan())
	c := dial(t, p, "echo")
	cancel()
	_, err = c.Stream().Receive(t.Context())
	var end *session.EndError
	if !errors.As(err, &end) || end.Reason != session.ReasonStopped || !end.Unavailable {
		t.Errorf("the technician is told %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("Run gave %v", err)
	}
	if _, err := p.Dial(t.Context(), "echo", "guest", nil); !errors.Is(err, session.ErrBusy) {
		t.Errorf("dialling a stopped device gave %v", err)
	}
	if err := b.Run(t.Context()); err == nil {
		t.Error("Run ran twice")
	}
}

func TestMaxSessions(t *testing.T) {
	p := sessiontest.NewPairWith(t, func(c *broker.Config) { c.MaxSessions = 2 }, echo{})
	first := dial(t, p, "echo")
	dial(t, p, "echo")
	if _, err := p.Dial(t.Context(), "echo", "guest", nil); !errors.Is(err, session.ErrBusy) {
		t.Errorf("a third session gave %v", err)
	}
	first.Close()
	waitEnd(t, p, 1)
	dial(t, p, "echo")
}

// TestApplyIsIdempotent: what stays granted goes on.
func TestApplyIsIdempotent(t *testing.T) {
	p := sessiontest.NewPair(t, echo{})
	c := dial(t, p, "echo")
	for range 3 {
		p.Broker.Apply(p.Plan())
	}
	if err := c.Stream().Send(t.Context(), []byte("still here")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Stream().Receive(t.Context()); err != nil || string(got) != "still here" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDialChecks(t *testing.T) {
	p := sessiontest.NewPair(t, echo{})
	whole := p.Config("echo", "guest", nil)
	for name, spoil := range map[string]func(*broker.DialConfig){
		"no key":               func(c *broker.DialConfig) { c.Key = nil },
		"no hub":               func(c *broker.DialConfig) { c.Hub = nil },
		"no signal":            func(c *broker.DialConfig) { c.Signal = nil },
		"another device's key": func(c *broker.DialConfig) { c.Device[0] ^= 1 },
		"no device key":        func(c *broker.DialConfig) { c.DeviceKey = nil },
	} {
		cfg := whole
		spoil(&cfg)
		if c, err := broker.Dial(t.Context(), cfg); err == nil || c != nil {
			t.Errorf("%s: no error", name)
		}
	}
	cfg := whole
	cfg.OSUser = "a/b"
	if _, err := broker.Dial(t.Context(), cfg); !errors.Is(err, session.ErrInvalid) {
		t.Errorf("a user that is none gave %v", err)
	}
}

func TestNewChecks(t *testing.T) {
	p := sessiontest.NewPair(t)
	whole := broker.Config{Key: p.DeviceKey, Mesh: p.Mesh, Hub: p.DeviceHub, Kinds: []session.Kind{echo{}}}
	for name, spoil := range map[string]func(*broker.Config){
		"no key":       func(c *broker.Config) { c.Key = identity.NodeKey{} },
		"no mesh":      func(c *broker.Config) { c.Mesh = identity.MeshID{} },
		"no hub":       func(c *broker.Config) { c.Hub = nil },
		"a verb twice": func(c *broker.Config) { c.Kinds = []session.Kind{echo{}, echo{}} },
	} {
		cfg := whole
		spoil(&cfg)
		if _, err := broker.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// noting is a kind that tells the audit log.
type noting struct{ echo }

func (noting) Serve(_ context.Context, _ session.Stream, r session.Request) error {
	r.Note("copied text")
	return nil
}

// TestNote: what a kind notes stands between a session's beginning and end.
func TestNote(t *testing.T) {
	p := sessiontest.NewPair(t, noting{})
	c := dial(t, p, "echo")
	waitEnd(t, p, 1)
	events := p.Events()
	if len(events) != 3 || events[1].Kind != broker.SessionNoted || events[1].What != "copied text" || events[1].Session != c.ID() || len(events[1].Technician) == 0 {
		t.Errorf("events: %+v", events)
	}
}
