package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	warrenv1 "warren/api/warren/v1"
)

// TestRightsOfOnePersonAreOneRow has the owner of a machine read who may do
// what there once for each person, apart where they act as other users.
func TestRightsOfOnePersonAreOneRow(t *testing.T) {
	t.Parallel()
	right := func(who string, users []string, verbs ...string) *warrenv1.Right {
		return &warrenv1.Right{Technician: who, Node: "desk", Users: users, Verbs: verbs}
	}
	got := together([]*warrenv1.Right{
		right("ben", nil, "view by consent"), right("anna", []string{"*"}, "shell"), right("anna", nil, "view"), right("anna", nil, "ping"),
	})
	want := []*warrenv1.Right{right("anna", nil, "view", "ping"), right("anna", []string{"*"}, "shell"), right("ben", nil, "view by consent")}
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
		t.Error(d)
	}
}
