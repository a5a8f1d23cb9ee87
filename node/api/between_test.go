package api

import (
	"strings"
	"testing"

	"warren/mesh"
	"warren/mesh/engine"
	"warren/mesh/identity"
)

func TestWhyNoMemberCarriesPackets(t *testing.T) {
	hq := mesh.Rendezvous{ID: identity.NodeID{1}, Name: "hq"}
	for want, c := range map[string]struct {
		all  []mesh.Rendezvous
		home identity.NodeID
	}{
		"no member that others can reach": {nil, hq.ID},
		"nor through hq":                  {[]mesh.Rendezvous{{ID: identity.NodeID{2}, Name: "x"}, hq}, hq.ID},
		"waits at no member":              {[]mesh.Rendezvous{hq}, identity.NodeID{}},
	} {
		got, _ := between(mesh.Config{Rendezvous: c.all}, mesh.Peer{ID: identity.NodeID{9}, Home: c.home})
		if !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAMemberIsNoWayToItself(t *testing.T) {
	hq := mesh.Rendezvous{ID: identity.NodeID{1}, Name: "hq"}
	if got, _ := between(mesh.Config{Rendezvous: []mesh.Rendezvous{hq}}, mesh.Peer{ID: hq.ID, Home: hq.ID}); got != "" {
		t.Errorf("%q", got)
	}
}

func TestPathThroughAMember(t *testing.T) {
	got := pathOf(Path{Online: true, Pong: engine.Pong{Kind: engine.KindMemberTLS, Via: "hq"}})
	if got.GetKind() != "member-tls" || got.GetVia() != "hq" || got.GetEndpoint() != "" {
		t.Errorf("got %v", got)
	}
}
