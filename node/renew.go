package node

import (
	"context"
	"errors"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/state"
	"warren/consensus/trust"
)

// renewEvery is how often this machine looks whether its record is due.
const renewEvery = time.Hour

// renew keeps this machine's own record from ending. It goes on as long as
// the node lives; what a controller refuses is tried again at the next look.
func (l *life) renew(ctx context.Context) error {
	for {
		if err := l.renewDue(ctx, time.Now()); err != nil && ctx.Err() == nil {
			l.log.Warn("own record was not renewed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(jitter(renewEvery)):
		}
	}
}

// renewDue renews the record once it is old enough. Where others sign at the
// same moment it signs anew on top of theirs.
func (l *life) renewDue(ctx context.Context, now time.Time) error {
	const tries = 5
	for range tries {
		log := l.view.Now().Log
		if log == nil {
			return nil
		}
		d, ok := log.Device(l.key.ID())
		if !ok || d.Revoked || d.NotAfter.IsZero() || now.Before(d.RenewAt()) {
			return nil
		}
		entry, err := trust.SignEntry(log.Draft(now, d.Renewal(now)), l.key.Signer())
		if err != nil {
			return err
		}
		_, err = l.authority.Propose(ctx, &warrenv1.EntriesAppended{Entries: []*warrenv1.Statement{entry}})
		if !errors.Is(err, state.ErrStale) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.view.Watch():
		case <-time.After(time.Second):
		}
	}
	return errors.New("too many changes at once")
}
