package sessiontest

import (
	"context"
	"fmt"
	"io"
	"sync"

	"warren/session"
)

// pipeRoom is how many bytes wait in one direction of a Pipe before Send
// blocks.
const pipeRoom = 256 << 10

// Pipe gives the two ends of a session.Stream in memory, with the bounds of a
// real one. Cut ends both as a lost connection does; what was sent and not
// received is gone.
func Pipe() (technician, device session.Stream, cut func()) {
	there, back := newLane(), newLane()
	return &end{in: back, out: there}, &end{in: there, out: back}, func() {
		there.finish(session.ErrLost)
		back.finish(session.ErrLost)
	}
}

// lane is one direction.
type lane struct {
	mu       sync.Mutex
	messages [][]byte
	bytes    int
	err      error         // what follows the messages; loss is at once
	changed  chan struct{} // closed and renewed on every change
}

func newLane() *lane { return &lane{changed: make(chan struct{})} }

func (l *lane) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *lane) finish(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = err
	if err == session.ErrLost { //nolint:errorlint // the sentinel itself
		l.messages, l.bytes = nil, 0
	}
	l.notify()
}

type end struct{ in, out *lane }

func (e *end) Send(ctx context.Context, message []byte) error {
	if n := len(message); n == 0 || n > session.MaxMessage {
		return fmt.Errorf("message of %d bytes: %w", n, session.ErrInvalid)
	}
	for {
		e.out.mu.Lock()
		err, changed := e.out.err, e.out.changed
		if err == nil && (e.out.bytes == 0 || e.out.bytes+len(message) <= pipeRoom) {
			e.out.messages = append(e.out.messages, append([]byte(nil), message...))
			e.out.bytes += len(message)
			e.out.notify()
			e.out.mu.Unlock()
			return nil
		}
		e.out.mu.Unlock()
		if err != nil {
			return session.ErrLost
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (e *end) Receive(ctx context.Context) ([]byte, error) {
	for {
		e.in.mu.Lock()
		err, changed := e.in.err, e.in.changed
		if len(e.in.messages) > 0 {
			m := e.in.messages[0]
			e.in.messages = e.in.messages[1:]
			e.in.bytes -= len(m)
			e.in.notify()
			e.in.mu.Unlock()
			return m, nil
		}
		e.in.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (e *end) Close() error {
	e.out.finish(io.EOF)
	e.in.finish(io.EOF)
	return nil
}
