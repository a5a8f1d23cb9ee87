package api

import (
	"context"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
	"warren/node/port"
	"warren/node/view"
)

// What peers may ask of each other's View: who follows the gossip asks once a
// change, and whoever was away for long gets all in one answer.
const (
	newerPerSecond = 1
	newerAtOnce    = 8
	newerTogether  = 4
)

// NewsService answers members inside the overlay that hold less of the log,
// the policy or the revocations than this machine.
type NewsService struct {
	view  *view.Cache
	rates *Rates
	busy  chan struct{}
}

// NewNewsService serves what v holds.
func NewNewsService(v *view.Cache) NewsService {
	return NewsService{view: v, rates: newRates(newerPerSecond, newerAtOnce), busy: make(chan struct{}, newerTogether)}
}

// Newer implements NewsService. A caller that is further, or holds another
// history, gets revocations and facts only.
func (s NewsService) Newer(ctx context.Context, req *warrenv1.NewerRequest) (*warrenv1.View, error) {
	p, ok := port.PeerFrom(ctx)
	if !ok {
		return nil, fault.New(fault.Denied, "the caller is no peer")
	}
	if err := s.rates.Allow(p.ID); err != nil {
		return nil, err
	}
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	default:
		return nil, fault.New(fault.Unavailable, "too many ask at once").Try("another peer")
	}
	held, log := req.GetEntries(), s.view.Now().Log
	if mesh := log.Mesh(); string(req.GetMesh()) != string(mesh[:]) {
		return nil, fault.New(fault.Invalid, "this machine is in another mesh")
	}
	v := s.view.Newer(min(held, log.Len()), hash32(req.GetPolicy()))
	if held == 0 || held > log.Len() || !log.Contains(hash32(req.GetHead()), held-1) {
		v.Entries, v.FromSequence, v.Policy = nil, held, nil
	}
	// Which revision that is, who leads and who votes, is no peer's to say.
	v.Controller, v.Leader, v.Voters, v.Revision = nil, nil, nil, 0
	return v, nil
}
