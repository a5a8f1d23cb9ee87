package api

import (
	"context"
	"sync"

	"warren/mesh/identity"
	"warren/node/fault"
)

// How many Follow streams a controller keeps: one is what a member needs, the
// others are those that broke and are not noticed yet.
const (
	followsPerMember = 4
	followsInAll     = 16384
)

// follows are the streams of Follow that live.
type follows struct {
	mu      sync.Mutex
	members map[identity.NodeID][]*follow // the oldest first
	inAll   int
}

type follow struct{ end context.CancelCauseFunc }

// Follow counts a stream of a member. Where the member has as many as it may,
// its oldest ends: the context it got is done, with a fault as cause. leave is
// called when the stream has ended.
func (r *Rates) Follow(ctx context.Context, id identity.NodeID) (_ context.Context, leave func(), err error) {
	if err := r.Allow(id); err != nil {
		return nil, nil, err
	}
	return r.follows.enter(ctx, id)
}

func (f *follows) enter(ctx context.Context, id identity.NodeID) (_ context.Context, leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.members == nil {
		f.members = map[identity.NodeID][]*follow{}
	}
	live := f.members[id]
	switch {
	case len(live) >= followsPerMember:
		live[0].end(fault.New(fault.Unavailable, "node %s follows in %d newer streams", id.Short(), followsPerMember))
		f.drop(id, live[0])
	case f.inAll >= followsInAll:
		return nil, nil, fault.New(fault.Unavailable, "this controller serves %d streams already", followsInAll).
			Try("another controller, or again in a moment")
	}
	ctx, end := context.WithCancelCause(ctx)
	me := &follow{end}
	f.members[id] = append(f.members[id], me)
	f.inAll++
	return ctx, func() {
		end(nil)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.drop(id, me)
	}, nil
}

// drop forgets a stream, once.
func (f *follows) drop(id identity.NodeID, gone *follow) {
	live := f.members[id]
	for i, have := range live {
		if have == gone {
			f.inAll--
			if len(live) == 1 {
				delete(f.members, id)
				return
			}
			f.members[id] = append(live[:i:i], live[i+1:]...)
			return
		}
	}
}
