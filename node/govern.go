package node

import (
	"context"
	"errors"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/node/view"
)

const (
	// governEvery is how often the leader looks after controllers that were
	// away, governPause how often it looks at all.
	governEvery = 5 * time.Second
	governPause = 100 * time.Millisecond
)

// govern is what a replica does while it leads: who is a controller gets the
// log, who is none any more does not, and revocations that came another way are
// entered.
func (r *replica) govern(ctx context.Context) error {
	for {
		watch, elected, seen := r.State().Watch(), r.store.Changed(), r.life.view.Watch()
		if r.council.Leads() {
			bounded, cancel := context.WithTimeout(ctx, governEvery)
			if err := r.see(bounded); err != nil && ctx.Err() == nil {
				r.life.log.Info("not all controllers are as they should be", "part", "replica", "err", err)
			}
			cancel()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(governPause):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-elected:
		case <-seen:
		case <-time.After(governEvery):
		}
	}
}

func (r *replica) see(ctx context.Context) error {
	if _, err := r.store.Current(ctx); err != nil { // a leader that has just begun knows not all yet
		return err
	}
	if r.State().Log() == nil {
		return nil
	}
	return errors.Join(r.enterRevocations(ctx), r.council.Arrange(ctx))
}

// enterRevocations orders those that travelled by gossip while nobody led.
func (r *replica) enterRevocations(ctx context.Context) error {
	var errs []error
	for _, s := range view.Beyond(r.life.view.Now().Log, r.State().Log()) {
		_, err := r.Propose(ctx, &warrenv1.Revoked{Revocation: s})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
