package gossip

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"warren/mesh/identity"
)

const (
	// Leaves are told leavesAtOnce at a time, every leavesEvery.
	leavesAtOnce = 16
	leavesEvery  = 100 * time.Millisecond
	// leafMost bounds what waits for one of them.
	leafMost = 256
)

// leafQueue holds statements for peers that are told one by one. Where policy
// lets most machines meet a few only, chance does not reach them: each has it
// from one of the few, or not at all.
type leafQueue struct {
	mu    sync.Mutex // guards the following
	wait  map[identity.NodeID]map[subject][]byte
	order []identity.NodeID
	wake  chan struct{}
}

func (q *leafQueue) add(to []identity.NodeID, name subject, data []byte) {
	if len(to) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wait == nil {
		q.wait = map[identity.NodeID]map[subject][]byte{}
	}
	for _, id := range to {
		m := q.wait[id]
		if m == nil {
			m = map[subject][]byte{}
			q.wait[id] = m
			q.order = append(q.order, id)
		}
		if _, ok := m[name]; ok || len(m) < leafMost {
			m[name] = data
		}
	}
	signal(q.wake)
}

// next takes out what waits for the one whose turn it is.
func (q *leafQueue) next() (to identity.NodeID, statements [][]byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return to, nil, false
	}
	to, q.order = q.order[0], q.order[1:]
	for _, data := range q.wait[to] {
		statements = append(statements, data)
	}
	delete(q.wait, to)
	return to, statements, true
}

func (p *Pool) tellLeaves(ctx context.Context, list *memberlist.Memberlist) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.leaves.wake:
		}
		for n := 1; ; n++ {
			to, statements, ok := p.leaves.next()
			if !ok {
				break
			}
			p.send(list, to, statements)
			if n%leavesAtOnce == 0 && !pause(ctx, leavesEvery) {
				return nil
			}
		}
	}
}
