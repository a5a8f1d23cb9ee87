package node

import (
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
)

func TestEarlyStatementsWaitForTheRecord(t *testing.T) {
	t.Parallel()
	var e early
	now := time.Now()
	old := earlyFact{&warrenv1.Statement{Type: "old"}, now.Add(-earlyFor)}
	e.keep(old)
	for range earlyMost - 1 {
		e.keep(earlyFact{&warrenv1.Statement{Type: "new"}, now})
	}
	if got := e.take(now); len(got) != earlyMost-1 {
		t.Errorf("%d wait, want %d: the old one is too old", len(got), earlyMost-1)
	}
	if got := e.take(now); len(got) != 0 {
		t.Errorf("%d wait twice", len(got))
	}
	for range 10 * earlyMost {
		e.keep(earlyFact{&warrenv1.Statement{}, now})
	}
	if got := e.take(now); len(got) != earlyMost {
		t.Errorf("%d wait, want at most %d", len(got), earlyMost)
	}
}
