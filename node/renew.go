package node

import (
	"cmp"
	"context"
	"time"
)

// renewEvery is how often this machine looks whether its record is due, unless
// Config says otherwise.
const renewEvery = time.Hour

// renew keeps this machine's own record from ending. It goes on as long as
// the node lives; what a controller refuses is tried again at the next look.
func (l *life) renew(ctx context.Context) error {
	every := cmp.Or(l.cfg.RenewEvery, renewEvery)
	for {
		if err := l.renewDue(ctx, time.Now()); err != nil && ctx.Err() == nil {
			l.log.Warn("own record was not renewed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(jitter(every)):
		}
	}
}

// renewDue renews the record once it is old enough.
func (l *life) renewDue(ctx context.Context, now time.Time) error {
	log := l.view.Now().Log
	if log == nil {
		return nil
	}
	d, ok := log.Device(l.key.ID())
	if !ok || d.Revoked || d.NotAfter.IsZero() || now.Before(d.RenewAt()) {
		return nil
	}
	here, err := d.SignStillHere(l.mesh, now, l.key)
	if err != nil {
		return err
	}
	return l.authority.Renew(ctx, here)
}
