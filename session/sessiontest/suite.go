package sessiontest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"warren/session"
)

// How long a kind has for what the contract calls prompt, with room for a
// loaded machine.
const (
	stopTime = 2 * time.Second
	wholeRun = 30 * time.Second
)

// Factory tells the suite how to use a kind. Its requests need no ID.
type Factory struct {
	// Kind makes one.
	Kind func() session.Kind
	// Request asks for a session that ends by itself when Exchange has run.
	Request session.Request
	// Exchange plays the technician of one whole session and says what was
	// wrong.
	Exchange func(ctx context.Context, s session.Stream) error
	// Lasting asks for a session that goes on until it is ended.
	Lasting session.Request
	// Flood asks for a session that sends without end; nil skips what needs
	// it.
	Flood *session.Request
	// Senseless are payloads that the kind must refuse.
	Senseless [][]byte
}

// Run holds a kind to the contract.
func Run(t *testing.T, f Factory) {
	t.Run("whole session in memory", f.inMemory)
	t.Run("whole sessions over broker", f.overBroker)
	t.Run("senseless request", f.senseless)
	t.Run("garbage from the technician", f.garbage)
	t.Run("technician leaves", func(t *testing.T) {
		f.ended(t, nil, func(s session.Stream, _, _ func()) { s.Close() })
	})
	t.Run("technician vanishes", func(t *testing.T) {
		f.ended(t, session.ErrLost, func(_ session.Stream, cut, _ func()) { cut() })
	})
	t.Run("device stops", func(t *testing.T) {
		f.ended(t, errStopped, func(_ session.Stream, _, stop func()) { stop() })
	})
	t.Run("technician never reads", f.neverReads)
	t.Run("revoked over broker", f.revoked)
}

var errStopped = errors.New("the test stops the device")

// serving is a kind at work on an in-memory stream.
type serving struct {
	technician session.Stream
	cut        func()
	stop       func()
	result     chan error
}

func (f Factory) serve(t *testing.T, r session.Request) serving {
	t.Helper()
	NoLeaks(t)
	technician, device, cut := Pipe()
	ctx, cancel := context.WithCancelCause(context.Background())
	s := serving{technician, cut, func() { cancel(errStopped) }, make(chan error, 1)}
	r.ID = session.NewID()
	go func() {
		err := f.Kind().Serve(ctx, bounded{device, t}, r)
		device.Close()
		s.result <- err
	}()
	t.Cleanup(func() {
		s.stop()
		cut()
	})
	return s
}

// wait gives what Serve returned.
func (s serving) wait(t *testing.T, within time.Duration) error {
	t.Helper()
	select {
	case err := <-s.result:
		return err
	case <-time.After(within):
		t.Fatalf("Serve has not returned after %s", within)
		return nil
	}
}

func (f Factory) inMemory(t *testing.T) {
	s := f.serve(t, f.Request)
	ctx, cancel := context.WithTimeout(t.Context(), wholeRun)
	defer cancel()
	if err := f.Exchange(ctx, s.technician); err != nil {
		t.Fatalf("exchange: %v", err)
	}
	s.technician.Close()
	if err := s.wait(t, stopTime); err != nil {
		t.Errorf("Serve gave %v after a session in order", err)
	}
}

func (f Factory) overBroker(t *testing.T) {
	NoLeaks(t)
	p := NewPair(t, f.Kind())
	results := make(chan error)
	for range 3 {
		go func() { results <- f.once(t.Context(), p) }()
	}
	for range 3 {
		if err := <-results; err != nil {
			t.Errorf("exchange: %v", err)
		}
	}
}

func (f Factory) once(ctx context.Context, p *Pair) error {
	ctx, cancel := context.WithTimeout(ctx, wholeRun)
	defer cancel()
	c, err := p.Dial(ctx, f.Request.Verb, f.Request.OSUser, f.Request.Payload)
	if err != nil {
		return err
	}
	defer c.Close()
	return f.Exchange(ctx, c.Stream())
}

func (f Factory) senseless(t *testing.T) {
	if len(f.Senseless) == 0 {
		t.Fatal("the factory names no senseless payload")
	}
	for _, payload := range f.Senseless {
		r := f.Request
		r.Payload = payload
		if err := f.serve(t, r).wait(t, stopTime); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("payload %.40q gave %v, want session.ErrInvalid", payload, err)
		}
		if a, ok := f.Kind().(session.Admitter); ok {
			if err := a.Admit(r); !errors.Is(err, session.ErrInvalid) {
				t.Errorf("payload %.40q was admitted: %v", payload, err)
			}
		}
	}
}

func (f Factory) garbage(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := f.serve(t, f.Lasting)
		go drainStream(s.technician)
		for range 1 + random.IntN(20) {
			message := make([]byte, 1+random.IntN(1+random.IntN(session.MaxMessage)))
			for i := range message {
				message[i] = byte(random.Uint32())
			}
			message[0] = byte(random.IntN(12)) // likely to be a type
			ctx, cancel := context.WithTimeout(t.Context(), stopTime)
			err := s.technician.Send(ctx, message)
			cancel()
			if err != nil {
				break // it hung up on us, as it may
			}
		}
		s.technician.Close()
		_ = s.wait(t, stopTime) // an error or none, but soon
	}
}

func (f Factory) ended(t *testing.T, want error, end func(technician session.Stream, cut, stop func())) {
	s := f.serve(t, f.Lasting)
	go drainStream(s.technician)
	select {
	case err := <-s.result:
		t.Fatalf("a lasting session ended by itself: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	end(s.technician, s.cut, s.stop)
	if err := s.wait(t, stopTime); want != nil && !errors.Is(err, want) || want == nil && err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("Serve gave %v, want %v", err, want)
	}
}

// neverReads checks that a session that nobody reads takes little memory.
func (f Factory) neverReads(t *testing.T) {
	if f.Flood == nil {
		t.Skip("the kind sends nothing by itself")
	}
	const most = 16 << 20
	before := heap()
	s := f.serve(t, *f.Flood)
	for range 10 {
		time.Sleep(50 * time.Millisecond)
		if now := heap(); now > before+most {
			t.Fatalf("the heap grew by %d bytes while nobody read", now-before)
		}
	}
	s.stop()
	if err := s.wait(t, stopTime); !errors.Is(err, errStopped) {
		t.Errorf("Serve gave %v, want the reason of the stop", err)
	}
}

// revoked checks that a session that is no longer granted is over within a
// second, on both sides.
func (f Factory) revoked(t *testing.T) {
	NoLeaks(t)
	p := NewPair(t, f.Kind())
	c, err := p.Dial(t.Context(), f.Lasting.Verb, f.Lasting.OSUser, f.Lasting.Payload)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	plan := p.Plan()
	plan.Grants = nil
	p.Broker.Apply(plan)
	for err == nil {
		_, err = c.Stream().Receive(t.Context())
	}
	var end *session.EndError
	if !errors.As(err, &end) || end.Reason != session.ReasonRevoked {
		t.Errorf("the technician is told %v, want %q", err, session.ReasonRevoked)
	}
	for len(p.Broker.Sessions()) > 0 && time.Since(start) < stopTime {
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(start)
	t.Logf("over on both sides after %s", took)
	if took > time.Second+500*time.Millisecond {
		t.Errorf("a revoked session lasted %s", took)
	}
}

// bounded fails the test where a kind sends what no Stream carries.
type bounded struct {
	session.Stream
	t *testing.T
}

func (b bounded) Send(ctx context.Context, message []byte) error {
	if n := len(message); n == 0 || n > session.MaxMessage {
		b.t.Errorf("the kind sends a message of %d bytes", n)
	}
	return b.Stream.Send(ctx, message)
}

func drainStream(s session.Stream) {
	for {
		if _, err := s.Receive(context.Background()); err != nil {
			return
		}
	}
}

// NoLeaks fails the test where goroutines are left at its end. Call it first.
func NoLeaks(t testing.TB) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if now := runtime.NumGoroutine(); now > before {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines were left\n%s", now-before, stacks[:runtime.Stack(stacks, true)])
		}
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
