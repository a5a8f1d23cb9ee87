package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unicode"

	"warren/session"
)

const (
	// highWater and lowWater bound what is queued below Send, in bytes. More
	// gains nothing and was seen to grow to 97 MB (reference/sessions.md, 5).
	highWater = 256 << 10
	lowWater  = highWater / 4
	// farewell is how long Close waits for the other side to take some more of
	// what was sent, patience for all of it, and haste where the session was
	// ended for a reason or by the technician.
	farewell = 5 * time.Second
	patience = time.Minute
	haste    = 500 * time.Millisecond
	// endMark begins the text message that ends a stream; a reason may follow.
	// Everything else travels in binary messages.
	endMark = "end"
	// absentMark stands before the reason of an end that is no refusal. Versions
	// before it print a blank.
	absentMark = "\x01"
)

// stream is a session.Stream on a link's data channel.
type stream struct {
	link *link

	sending   sync.Mutex // held while a message is handed to SCTP
	drained   chan struct{}
	receiving sync.Mutex
	buffer    []byte

	mu     sync.Mutex
	err    error         // why the stream is over, nil while it is not
	over   chan struct{} // closed with err
	closed chan struct{} // closed when Close has finished
	once   sync.Once
}

func newStream(l *link) *stream {
	s := &stream{
		link: l, drained: make(chan struct{}, 1), buffer: make([]byte, session.MaxMessage),
		over: make(chan struct{}), closed: make(chan struct{}),
	}
	l.channel.SetBufferedAmountLowThreshold(lowWater)
	l.channel.OnBufferedAmountLow(func() {
		select {
		case s.drained <- struct{}{}:
		default:
		}
	})
	l.whenLost(s.wake)
	return s
}

// wake makes a blocked Receive look around.
func (s *stream) wake() { _ = s.link.raw.SetReadDeadline(time.Unix(1, 0)) }

// Send implements session.Stream.
func (s *stream) Send(ctx context.Context, message []byte) error {
	if n := len(message); n == 0 || n > session.MaxMessage {
		return fmt.Errorf("message of %d bytes, want 1 to %d: %w", n, session.MaxMessage, session.ErrInvalid)
	}
	for {
		if err := s.ended(); err != nil {
			return err
		}
		sent, err := s.offer(message)
		if sent || err != nil {
			return err
		}
		select {
		case <-s.drained:
		case <-s.over:
		case <-s.link.lost:
			return session.ErrLost
		case <-s.link.gone:
			return session.ErrLost
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// offer hands the message to SCTP where there is room.
func (s *stream) offer(message []byte) (sent bool, err error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	queued := s.link.channel.BufferedAmount()
	if queued > 0 && queued+uint64(len(message)) > highWater {
		return false, nil
	}
	if _, err := s.link.raw.WriteDataChannel(message, false); err != nil {
		// Not the stream's end: what has arrived already is still to be read.
		return false, session.ErrLost
	}
	if queued+uint64(len(message)) < highWater { // another sender may be waiting for the same word
		select {
		case s.drained <- struct{}{}:
		default:
		}
	}
	return true, nil
}

// Receive implements session.Stream.
func (s *stream) Receive(ctx context.Context) ([]byte, error) {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	for {
		if err := s.ended(); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		stop := context.AfterFunc(ctx, s.wake)
		n, text, err := s.link.raw.ReadDataChannel(s.buffer)
		stop()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			// Ctx, or a late word of one before, or a lost peer.
			_ = s.link.raw.SetReadDeadline(time.Time{})
			select {
			case <-s.link.lost: // all that had come was read before
				s.end(session.ErrLost)
			default:
			}
		case err != nil:
			s.end(session.ErrLost)
		case text:
			s.end(endOf(s.buffer[:n]))
		case n > 0:
			return append([]byte(nil), s.buffer[:n]...), nil
		}
	}
}

// Close implements session.Stream.
func (s *stream) Close() error {
	s.closeWith("", patience)
	return nil
}

// closeWith ends the stream and tells the other side why. For most it waits
// until what was sent has got through.
func (s *stream) closeWith(reason string, most time.Duration) {
	s.once.Do(func() {
		defer close(s.closed)
		if s.ended() == nil {
			s.part(reason, most)
		}
		s.end(io.EOF)
		s.link.close()
	})
	<-s.closed
}

// part sends the end mark behind all that was sent and waits until the
// other side has it.
func (s *stream) part(reason string, most time.Duration) {
	s.sending.Lock()
	_, err := s.link.raw.WriteDataChannel([]byte(endMark+cut(reason, session.MaxReason)), true)
	s.sending.Unlock()
	if err != nil {
		return
	}
	s.flush(most)
}

// flush waits until the other side has acknowledged all that was sent, for as
// long as it goes on doing so and for most at the longest.
func (s *stream) flush(most time.Duration) {
	end := time.NewTimer(most)
	defer end.Stop()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	left, since := s.link.channel.BufferedAmount(), time.Now()
	for left > 0 && time.Since(since) < farewell {
		select {
		case <-poll.C:
		case <-s.over:
			return
		case <-s.link.lost:
			return
		case <-s.link.gone:
			return
		case <-end.C:
			return
		}
		if now := s.link.channel.BufferedAmount(); now < left {
			left, since = now, time.Now()
		}
	}
}

// end records why the stream is over; the first reason stays.
func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		close(s.over)
	}
}

func (s *stream) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// endOf reads a text message. Any text ends the stream.
func endOf(text []byte) error {
	if len(text) > len(endMark) && len(text) <= len(endMark)+session.MaxReason && string(text[:len(endMark)]) == endMark {
		reason, absent := bytes.CutPrefix(text[len(endMark):], []byte(absentMark))
		return &session.EndError{Reason: printable(reason), Unavailable: absent}
	}
	return io.EOF
}

// words are what endOf reads as e again.
func words(e *session.EndError) string {
	if e.Unavailable {
		return absentMark + e.Reason
	}
	return e.Reason
}

// printable keeps a stranger's characters that drive a terminal, or turn a text
// around, off people's screens.
func printable(b []byte) string {
	out := make([]rune, 0, len(b))
	for _, r := range string(b) {
		if !unicode.IsPrint(r) {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}

func cut(s string, n int) string { return s[:min(len(s), n)] }
