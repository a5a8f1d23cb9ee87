package node

import (
	"sync"
	"time"

	warrenv1 "warren/api/warren/v1"
)

const (
	// earlyMost statements of machines whose records have not come are kept,
	// the newest, and each for earlyFor.
	earlyMost = 64
	earlyFor  = time.Minute
)

// early holds statements that travel faster than the record of who made them:
// a machine that was just let in tells its keys to one controller, and gossip
// is ahead of Raft at the others. Without it they would come again with the
// next push and pull, half a minute later.
type early struct {
	mu   sync.Mutex
	held []earlyFact
}

type earlyFact struct {
	statement *warrenv1.Statement
	at        time.Time
}

func (e *early) keep(f earlyFact) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held = append(e.held, f)
	if over := len(e.held) - earlyMost; over > 0 {
		e.held = e.held[over:]
	}
}

// take gives what is held and not too old, and holds nothing any more.
func (e *early) take(now time.Time) []earlyFact {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []earlyFact
	for _, f := range e.held {
		if now.Sub(f.at) < earlyFor {
			out = append(out, f)
		}
	}
	e.held = nil
	return out
}
