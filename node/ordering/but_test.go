package ordering

import (
	"testing"

	"warren/mesh/identity"
)

// TestTheOneRemovedIsNotAsked: it would take its own answer with it.
func TestTheOneRemovedIsNotAsked(t *testing.T) {
	t.Parallel()
	one, two := Door{Node: identity.NodeID{1}}, Door{Node: identity.NodeID{2}}
	all := []Door{one, two}
	if got := but(all, one.Node); len(got) != 1 || got[0].Node != two.Node || all[0].Node != one.Node {
		t.Errorf("asks %v of %v", got, all)
	}
	if got := but(all[:1], one.Node); len(got) != 1 {
		t.Errorf("nobody is asked where only the one removed is known: %v", got)
	}
}
