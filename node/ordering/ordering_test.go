package ordering_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/store"
	"warren/consensus/store/storetest"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/port"
)

// controller answers members as it is told to.
type controller struct {
	warrenv1connect.UnimplementedControllerServiceHandler
	key     identity.NodeKey
	address string

	mu      sync.Mutex
	asked   int
	answers []error // one a call; the last one for all further calls
	cut     bool    // breaks the connection off instead
	conns   []net.Conn
}

func (c *controller) Propose(context.Context, *warrenv1.ProposeRequest) (*warrenv1.ProposeResponse, error) {
	if err := c.next(); err != nil {
		return nil, err
	}
	return &warrenv1.ProposeResponse{Revision: 7}, nil
}

func (c *controller) Ledger(context.Context, *warrenv1.LedgerRequest) (*warrenv1.LedgerResponse, error) {
	if err := c.next(); err != nil {
		return nil, err
	}
	return &warrenv1.LedgerResponse{Revision: 7}, nil
}

func (c *controller) next() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.cut {
		for _, conn := range c.conns {
			_ = conn.Close()
		}
		return errors.New("nobody hears this")
	}
	if len(c.answers) == 0 {
		return nil
	}
	err := c.answers[0]
	if len(c.answers) > 1 {
		c.answers = c.answers[1:]
	}
	return ordering.Fault(err)
}

func (c *controller) calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *controller) door() ordering.Door {
	return ordering.Door{Node: c.key.ID(), Addresses: []string{c.address}}
}

// remembered are the connections that a controller may break off.
type remembered struct {
	net.Listener
	c *controller
}

func (r remembered) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	if err == nil {
		r.c.mu.Lock()
		r.c.conns = append(r.c.conns, conn)
		r.c.mu.Unlock()
	}
	return conn, err
}

func newKey(t *testing.T) identity.NodeKey {
	t.Helper()
	k, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// serve runs a controller on loopback, on a real node port.
func serve(t *testing.T, c *controller) *controller {
	t.Helper()
	c.key = newKey(t)
	admit := func(identity.NodeID, ed25519.PublicKey, string) error { return nil }
	l, err := port.NewListener(port.Config{Key: c.key, Admit: admit, Log: slog.New(slog.DiscardHandler)}, port.Node)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = socket.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Run(ctx, socket) })
	mux := http.NewServeMux()
	mux.Handle(warrenv1connect.NewControllerServiceHandler(c, connect.WithInterceptors(fault.Interceptor())))
	wg.Go(func() { _ = port.Serve(ctx, port.Server(mux, port.PeerContext), remembered{l.Protocol(port.Node), c}) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return c
}

// dead is a controller that nobody answers for.
func dead(t *testing.T) ordering.Door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return ordering.Door{Node: newKey(t).ID(), Addresses: []string{l.Addr().String()}}
}

func remote(t *testing.T, doors ...ordering.Door) ordering.Remote {
	t.Helper()
	return ordering.Remote{Key: newKey(t), Doors: func() []ordering.Door { return doors }}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

var some = &warrenv1.InviteMade{Invite: &warrenv1.Statement{}}

// readable wants an error whose words are for people.
func readable(t *testing.T, err error) {
	t.Helper()
	for _, word := range []string{"context deadline", "dial tcp", "http", "EOF", "unavailable:", "outcome unknown", "no leader"} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("that is no message for people (%q): %v", word, err)
		}
	}
}

func TestRefusalsSurviveTheWire(t *testing.T) {
	t.Parallel()
	sentinels := []error{
		state.ErrFounded, state.ErrStale, state.ErrUsed, state.ErrExpired, state.ErrRevoked, state.ErrUnknown,
		state.ErrDenied, state.ErrInvalid, state.ErrTaken, state.ErrFull, state.ErrOften,
	}
	c := serve(t, &controller{})
	r := remote(t, c.door())
	for _, want := range sentinels {
		c.mu.Lock()
		c.asked, c.answers = 0, []error{fmt.Errorf("machine cam: %w", want)}
		c.mu.Unlock()
		here := ordering.Fault(fmt.Errorf("machine cam: %w", want))
		_, err := r.Propose(within(t, 20*time.Second), some)
		for _, s := range sentinels {
			if got := errors.Is(err, s); got != (s == want) { //nolint:errorlint // which one it is
				t.Errorf("%v came back and is %v: %v", want, s, got)
			}
		}
		if fault.KindOf(err) != fault.KindOf(here) || fault.Format(err) != fault.Format(here) {
			t.Errorf("there %q (%s), here %q (%s)", fault.Format(err), fault.KindOf(err), fault.Format(here), fault.KindOf(here))
		}
		if fault.KindOf(err) == fault.Internal {
			t.Errorf("%v has no kind", want)
		}
		if n := c.calls(); n != 1 {
			t.Errorf("%v was asked for %d times, want once", want, n)
		}
	}
	if got := ordering.Fault(nil); got != nil {
		t.Errorf("nil became %v", got)
	}
	plain := errors.New("plain")
	if got := ordering.Fault(plain); !errors.Is(got, plain) || fault.KindOf(got) != fault.Internal {
		t.Errorf("a plain error became %v", got)
	}
}

func TestOnlyWhatWasNotBegunIsTriedAgain(t *testing.T) {
	t.Parallel()
	t.Run("nobody there, then somebody", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &controller{})
		revision, err := remote(t, dead(t), dead(t), c.door()).Propose(within(t, 20*time.Second), some)
		if err != nil || revision != 7 || c.calls() != 1 {
			t.Errorf("revision %d, %v, after %d calls", revision, err, c.calls())
		}
		ledger, err := remote(t, dead(t), c.door()).Ledger(within(t, 20*time.Second))
		if err != nil || ledger.GetRevision() != 7 {
			t.Errorf("ledger %v, %v", ledger, err)
		}
	})
	t.Run("no leader, then one", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &controller{answers: []error{store.ErrNoLeader, &store.NotLeaderError{}, store.ErrStopped, nil}})
		revision, err := remote(t, c.door()).Propose(within(t, 20*time.Second), some)
		if err != nil || revision != 7 || c.calls() != 4 {
			t.Errorf("revision %d, %v, after %d calls", revision, err, c.calls())
		}
	})
	t.Run("an outcome that is not known", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &controller{answers: []error{fmt.Errorf("%w: %w", store.ErrUnknownOutcome, context.DeadlineExceeded), nil}})
		_, err := remote(t, c.door(), c.door()).Propose(within(t, 20*time.Second), some)
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Format(err), "not known; try: look before you repeat it") || c.calls() != 1 {
			t.Errorf("%v after %d calls", err, c.calls())
		}
		readable(t, err)
	})
	t.Run("a connection that breaks off", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &controller{cut: true})
		other := serve(t, &controller{})
		_, err := remote(t, c.door(), other.door()).Propose(within(t, 20*time.Second), some)
		if fault.KindOf(err) != fault.Unavailable || c.calls() != 1 || other.calls() != 0 {
			t.Errorf("%v after %d and %d calls", err, c.calls(), other.calls())
		}
		readable(t, err)
	})
	t.Run("nobody at all", func(t *testing.T) {
		t.Parallel()
		for name, r := range map[string]ordering.Remote{"none known": remote(t), "none answers": remote(t, dead(t))} {
			began := time.Now()
			_, err := r.Propose(within(t, time.Second), some)
			if f := fault.Of(err); f == nil || f.Kind != fault.Unavailable || f.Reason != "no-controller" || f.Hint == "" {
				t.Fatalf("%s: %v", name, err)
			}
			readable(t, err)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: gave up after %s", name, took)
			}
		}
	})
	t.Run("a leader that never comes", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &controller{answers: []error{store.ErrNoLeader}})
		_, err := remote(t, c.door()).Propose(within(t, time.Second), some)
		if fault.KindOf(err) != fault.Unavailable || c.calls() < 2 {
			t.Errorf("%v after %d calls", err, c.calls())
		}
		readable(t, err)
	})
	t.Run("what is no command", func(t *testing.T) {
		t.Parallel()
		c := serve(t, &controller{})
		if _, err := remote(t, c.door()).Propose(within(t, time.Second), &warrenv1.Statement{}); err == nil || c.calls() != 0 {
			t.Errorf("%v after %d calls", err, c.calls())
		}
	})
}

// TestAlone orders in a real store of one voter.
func TestAlone(t *testing.T) {
	t.Parallel()
	m := statetest.New(t, "acme")
	dir := t.TempDir()
	founded := make(chan struct{})
	var network storetest.Network
	run := func() (*ordering.Council, func()) {
		s, err := store.Open(store.Config{
			Dir: dir, Self: m.Node.ID(), Transport: network.Layer(m.Node.ID()),
			Now: func() time.Time { return statetest.Epoch.Add(time.Minute) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		return &ordering.Council{
			Local: ordering.Local{Store: s, Founded: founded}, Self: m.Node.ID(),
			Remote: ordering.Remote{Doors: func() []ordering.Door { return nil }}, Ordering: func() bool { return true },
		}, func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	l, stop := run()

	// Before the founding there is nothing to order, and nothing to read.
	_, err := l.Propose(within(t, 100*time.Millisecond), m.Invite(m.Log(), 1))
	if fault.Of(err).Reason != "no-leader" {
		t.Errorf("before the founding: %v", err)
	}
	readable(t, err)
	if _, err := l.Ledger(within(t, 100*time.Millisecond)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a ledger before the founding: %v", err)
	}

	// Who can ask another controller is not kept waiting.
	began := time.Now()
	_, err = ordering.Deputy{Council: l}.Propose(within(t, ordering.Patience), m.Invite(m.Log(), 1))
	if took := time.Since(began); fault.Of(err).Reason != "no-leader" || took > ordering.Patience/2 {
		t.Errorf("a deputy without a leader: %v, after %s", err, took)
	}
	readable(t, err)

	if err := l.Store.Bootstrap(within(t, 20*time.Second), m.Command(m.Founding(), 0)); err != nil {
		t.Fatal(err)
	}
	close(founded)
	var revision uint64
	for n := 1; n <= 40; n++ {
		if revision, err = l.Propose(within(t, 20*time.Second), m.Invite(m.Log(), n)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = l.Propose(within(t, 20*time.Second), m.Claim(m.Log(), 99, 1, nil))
	if !errors.Is(err, state.ErrUnknown) || fault.KindOf(err) != fault.NotFound {
		t.Errorf("a claim to an unknown invite: %v", err)
	}
	stop()

	// As soon as it answers again it knows all that it has acknowledged.
	l, stop = run()
	defer stop()
	ledger, err := l.Ledger(within(t, 20*time.Second))
	if err != nil || len(ledger.GetInvites()) != 40 || ledger.GetRevision() < revision {
		t.Errorf("%d invites at revision %d, %v; want 40 at %d", len(ledger.GetInvites()), ledger.GetRevision(), err, revision)
	}
	if want := m.Invite(m.Log(), 1).GetInvite(); !proto.Equal(ledger.GetInvites()[0], want) && !holds(ledger.GetInvites(), want) {
		t.Error("the invites are others")
	}
}

func holds(list []*warrenv1.Statement, want *warrenv1.Statement) bool {
	for _, s := range list {
		if proto.Equal(s, want) {
			return true
		}
	}
	return false
}
