package shell

import (
	"context"
	"fmt"
	"io"
	"sync"
)

const (
	// window is how much of a channel may be sent and not yet consumed.
	window = 256 << 10
	// ackEvery is how much is consumed between two acknowledgements.
	ackEvery = window / 4
)

// sender counts what of a channel was sent and consumed.
type sender struct {
	mu    sync.Mutex
	sent  uint64
	acked uint64
	moved chan struct{} // closed and renewed when acked moves
}

func newSender() *sender { return &sender{moved: make(chan struct{})} }

// reserve blocks until at least one byte may be sent, takes up to n and gives
// their offset and number. It ends with ctx and with done, which may be nil.
func (s *sender) reserve(ctx context.Context, done <-chan struct{}, n int) (uint64, int, error) {
	for {
		select {
		case <-done:
			return 0, 0, io.ErrClosedPipe
		default:
		}
		s.mu.Lock()
		offset, room, moved := s.sent, window-int(s.sent-s.acked), s.moved
		if room > 0 {
			n = min(n, room)
			s.sent += uint64(n)
			s.mu.Unlock()
			return offset, n, nil
		}
		s.mu.Unlock()
		select {
		case <-moved:
		case <-done:
			return 0, 0, io.ErrClosedPipe
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		}
	}
}

// ack moves the window to offset.
func (s *sender) ack(offset uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if offset > s.sent {
		return fmt.Errorf("acknowledges %d of %d bytes: %w", offset, s.sent, errFrame)
	}
	if offset > s.acked {
		s.acked = offset
		close(s.moved)
		s.moved = make(chan struct{})
	}
	return nil
}

// total is how much was sent.
func (s *sender) total() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// receiver counts what of a channel has come and was consumed.
type receiver struct {
	mu       sync.Mutex
	received uint64
	consumed uint64
	told     uint64
}

// take checks that a data frame is the next one and inside the window.
func (r *receiver) take(f frame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.offset != r.received {
		return fmt.Errorf("%s at %d where %d is due: %w", f.channel, f.offset, r.received, errFrame)
	}
	if r.received-r.consumed+uint64(len(f.data)) > window {
		return fmt.Errorf("%s beyond the window: %w", f.channel, errFrame)
	}
	r.received += uint64(len(f.data))
	return nil
}

// consume notes n more bytes as consumed and tells whether, and up to where,
// to acknowledge.
func (r *receiver) consume(n int) (offset uint64, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.consumed = min(r.consumed+uint64(n), r.received)
	if r.consumed-r.told < ackEvery {
		return 0, false
	}
	r.told = r.consumed
	return r.consumed, true
}

// total is how much has come.
func (r *receiver) total() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.received
}
