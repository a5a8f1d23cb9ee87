package node

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
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
	if err := errors.Join(r.enterEntries(ctx), r.enterRevocations(ctx)); err != nil {
		return err
	}
	return r.council.Arrange(ctx)
}

// enterEntries orders entries that this machine's view has and its log lacks:
// it was recovered alone and had fallen behind those who are lost. Their
// signatures say all that is needed; of a policy the text is needed too, and
// the view has the last one's only.
func (r *replica) enterEntries(ctx context.Context) error {
	now, log := r.life.view.Now(), r.State().Log()
	if now.Log.Len() <= log.Len() || !now.Log.Contains(log.Head(), log.Len()-1) {
		return nil
	}
	for _, s := range now.Log.Entries(log.Len()) {
		var e warrenv1.Entry
		if err := proto.Unmarshal(s.GetPayload(), &e); err != nil {
			return err
		}
		var body proto.Message = &warrenv1.EntriesAppended{Entries: []*warrenv1.Statement{s}}
		if p := e.GetPolicy(); p != nil {
			body = &warrenv1.PolicyReplaced{Entry: s, Policy: now.PolicyText, IfRevision: p.GetRevision() - 1}
		}
		c, err := command.New(body)
		if err != nil {
			return err
		}
		if _, err := r.store.Propose(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// enterRevocations orders those that travelled by gossip while nobody led.
func (r *replica) enterRevocations(ctx context.Context) error {
	var errs []error
	for _, s := range view.Beyond(r.life.view.Now().Log, r.State().Log()) {
		c, err := command.New(&warrenv1.Revoked{Revocation: s})
		if err == nil {
			_, err = r.store.Propose(ctx, c)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
