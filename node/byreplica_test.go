package node

import (
	"testing"

	warrenv1 "warren/api/warren/v1"
)

// TestAControllerTakesEntriesFromItsOwnReplica: what another controller signed
// and Raft did not order would be a fork for good.
func TestAControllerTakesEntriesFromItsOwnReplica(t *testing.T) {
	t.Parallel()
	some := []*warrenv1.Statement{{}}
	v := &warrenv1.View{
		FromSequence: 3, Entries: some, Revocations: some, Policy: []byte("x"), Facts: some,
		Controller: []byte{1}, Leader: []byte{1}, Voters: [][]byte{{1}},
	}
	byReplica(v)
	if v.GetFromSequence() != 0 || v.GetEntries() != nil || v.GetPolicy() != nil || v.GetController() != nil || v.GetLeader() != nil || v.GetVoters() != nil {
		t.Errorf("it would take %v", v)
	}
	if len(v.GetRevocations()) != 1 || len(v.GetFacts()) != 1 {
		t.Errorf("revocations and facts need no order, and are gone: %v", v)
	}
}
