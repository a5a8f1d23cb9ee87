package node

import (
	"strings"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/gossip"
)

func TestWarningsOfHeads(t *testing.T) {
	t.Parallel()
	head := func(entries uint64) gossip.Head { return gossip.Head{Hash: [32]byte{byte(entries)}, Entries: entries} }
	odd := gossip.Head{Hash: [32]byte{99}, Entries: 12}
	known := func(hash [32]byte, entries uint64) bool { return hash == head(entries).Hash }
	back := gossip.Event{Kind: gossip.HeadBackwards, Was: head(20), Now: head(12)}
	forked := gossip.Event{Kind: gossip.HeadForked, Was: head(20), Now: odd}
	tests := map[string]struct {
		event gossip.Event
		now   gossip.Head
		want  string
	}{
		"nothing happened":       {gossip.Event{}, head(20), ""},
		"it went back":           {back, head(12), `machine "cam" holds 12 entries of the log and held 20`},
		"it went back further":   {back, head(5), `holds 5 entries of the log and held 20`},
		"it has caught up":       {back, head(20), ""},
		"another history":        {forked, odd, `machine "cam" holds another history of the mesh than this one, of 12 entries`},
		"it came to its senses":  {forked, head(20), ""},
		"we learned that it fit": {gossip.Event{Kind: gossip.HeadForked, Was: head(20), Now: head(12)}, head(12), ""},
	}
	for name, tt := range tests {
		m := gossip.Member{Told: gossip.Told{Head: tt.now}}
		if got := oddHead("cam", m, tt.event, known); got == "" != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestPeersDoNotSayWhoOrders(t *testing.T) {
	t.Parallel()
	id := make([]byte, 16)
	v := hearsay(&warrenv1.View{Controller: id, Leader: id, Voters: [][]byte{id}, Revision: 1 << 40, FromSequence: 3})
	if v.GetController() != nil || v.GetLeader() != nil || v.GetVoters() != nil || v.GetRevision() != 0 || v.GetFromSequence() != 3 {
		t.Errorf("a peer's word goes through as %v", v)
	}
}
