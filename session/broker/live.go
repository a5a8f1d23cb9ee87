package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"warren/mesh/identity"
	"warren/session"
)

// live is one session from the answer to its end.
//
//	accepted --> connecting --> connected --> ended
//	                |               |
//	                +--- end, Apply, Run's ctx, peer gone
type live struct {
	offer   offer
	kind    session.Kind
	request session.Request
	link    *link
	peer    peer
	from    identity.NodeID

	info session.Info // Connected is guarded by Broker.mu

	once   sync.Once
	reason string        // written before quit closes
	quit   chan struct{} // closed when the device ends the session
}

// end calls for the session's end; the first reason counts.
func (l *live) end(reason string) {
	l.once.Do(func() {
		l.reason = reason
		close(l.quit)
	})
}

// serve runs a session from connecting to its end.
func (b *Broker) serve(ctx context.Context, l *live) {
	defer b.leave(l)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() { // ends with ctx, waited for below
		defer close(watched)
		select {
		case <-l.quit:
			cancel(&session.EndError{Reason: l.reason})
		case <-l.link.lost:
			cancel(session.ErrLost)
		case <-ctx.Done():
		}
	}()
	err := b.work(ctx, l)
	cancel(nil)
	<-watched
	b.audit(Event{Kind: SessionEnded, From: l.from, Err: err}.about(l.offer))
}

// work connects, serves and closes. It gives nil for an end in order.
func (b *Broker) work(ctx context.Context, l *live) error {
	connecting, done := context.WithTimeout(ctx, connectTimeout)
	err := l.link.establish(connecting, roleDevice, l.peer)
	done()
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	b.mu.Lock()
	l.info.Connected = true
	b.mu.Unlock()
	s := newStream(l.link)
	b.cfg.Log.Debug("session connected", "session", l.info.ID.String(), "timing", l.link.timing.String())
	b.audit(Event{Kind: SessionOpened, From: l.from}.about(l.offer))

	// A session that the device ends is cut at once, while its kind cleans up.
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		s.closeWith(reasonOf(context.Cause(ctx)), haste)
	})
	err = served(ctx, l, s, func(what string) { b.audit(Event{Kind: SessionNoted, From: l.from, What: what}.about(l.offer)) })
	if !stop() {
		<-cut
		return context.Cause(ctx)
	}
	var end *session.EndError
	switch {
	case errors.Is(err, io.EOF):
		err = nil
	case errors.As(err, &end):
		s.closeWith(words(end), patience)
	case err != nil && !errors.Is(err, session.ErrLost):
		s.closeWith(session.ReasonFailed, patience)
	}
	s.closeWith("", patience)
	return err
}

// served calls the kind; a kind that panics ends its own session only.
func served(ctx context.Context, l *live, s session.Stream, note func(string)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%q panicked: %v", l.request.Verb, p)
		}
	}()
	r := l.request
	r.Note = note
	return l.kind.Serve(ctx, s, r)
}

// reasonOf is what the technician is told of the end that cause brought.
func reasonOf(cause error) string {
	var end *session.EndError
	switch {
	case errors.As(cause, &end):
		return words(end)
	case errors.Is(cause, session.ErrLost):
		return absentMark + session.ReasonLost
	default:
		return absentMark + session.ReasonStopped
	}
}

// EventKind is what an Event tells of.
type EventKind string

// The closed list of events.
const (
	OfferRefused  EventKind = "offer refused"
	SessionOpened EventKind = "session opened"
	SessionEnded  EventKind = "session ended"
	SessionNoted  EventKind = "session noted"
)

// Event is for the audit log.
type Event struct {
	Kind EventKind
	Time time.Time
	// From is the node the offer came from, as the overlay verified it. What
	// follows is from the offer, and proved unless the offer was refused.
	From       identity.NodeID
	Session    session.ID
	Technician []byte
	Verb       string
	OSUser     string
	Reason     string
	// What happened, of SessionNoted.
	What string
	// Err is the exact reason of a refusal or of an end out of order.
	Err error
}

func (e Event) about(o offer) Event {
	e.Session, e.Technician, e.Verb, e.OSUser = o.session, o.technician, o.verb, o.user
	e.Reason = printable([]byte(o.reason))
	return e
}

func (b *Broker) audit(e Event) {
	e.Time = b.cfg.Now()
	log := b.cfg.Log.With("event", string(e.Kind), "from", e.From.Short(), "session", e.Session.String(), "verb", e.Verb, "user", e.OSUser)
	if e.What != "" {
		log = log.With("what", e.What)
	}
	if e.Err != nil {
		log = log.With("error", e.Err)
	}
	log.Info("session event")
	b.cfg.Audit(e)
}
