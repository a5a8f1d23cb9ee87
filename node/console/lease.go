package console

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"warren/node/api"
	"warren/node/fault"
)

// leaseLook is how often a lease is compared with the clock: timers stand still
// while a machine sleeps.
const leaseLook = 30 * time.Second

var errOver = errors.New("the time in the console is over")

// lease is how long what a bearer opened may go on. Another bearer of the same
// local user, from a new one-time token, prolongs it.
type lease struct {
	server  *Server
	uid     int
	owner   int
	expires atomic.Int64 // Unix seconds
	end     func()       // for who was admitted
}

func (s *Server) lease(p pass, owner int, end func()) *lease {
	l := &lease{server: s, uid: p.uid, owner: owner, end: end}
	l.expires.Store(p.expires.Unix())
	return l
}

// during calls what the lease is for, as its local user, and errOver ends it
// with the lease.
func (l *lease) during(ctx context.Context, what func(context.Context) error) error {
	bounded, cancel := context.WithCancelCause(api.As(ctx, l.uid))
	watched := make(chan struct{})
	go func() { // ends with bounded, which is waited for
		defer close(watched)
		for bounded.Err() == nil {
			left := time.Unix(l.expires.Load(), 0).Sub(l.server.cfg.Now())
			if left <= 0 {
				cancel(errOver)
				return
			}
			select {
			case <-bounded.Done():
			case <-time.After(min(left, leaseLook)):
			}
		}
	}()
	defer func() { cancel(nil); <-watched }()
	err := what(bounded)
	if errors.Is(context.Cause(bounded), errOver) {
		return errOver
	}
	return err
}

// renew prolongs the lease to the end of another bearer. One that does not
// hold, or is another user's, changes nothing.
func (l *lease) renew(bearer string) {
	p, err := l.server.keys.check(bearer, l.owner)
	if err == nil && p.uid == l.uid && p.expires.Unix() > l.expires.Load() {
		l.expires.Store(p.expires.Unix())
	}
}

// over is what a page is told whose time has ended under it.
func over() error {
	return fault.New(fault.Denied, "your time in the console has ended, and this with it").Try("warren console, then open it again").Because("bearer").Says(fault.ConsoleOver)
}
