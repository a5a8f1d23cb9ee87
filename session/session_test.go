package session_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"warren/mesh/identity"
	"warren/session"
)

func TestAuthorise(t *testing.T) {
	tess, omar, stranger := make(ed25519.PublicKey, 32), make(ed25519.PublicKey, 32), make(ed25519.PublicKey, 32)
	tess[0], omar[0], stranger[0] = 1, 2, 3
	plan := session.Plan{
		Technicians: []session.Technician{{Key: tess, Name: "tess", Node: identity.NodeID{1}}, {Key: omar, Name: "omar"}},
		Grants: []session.Grant{
			{Technician: tess, Verbs: []string{"shell", "files"}, Users: []string{session.Any}},
			{Technician: tess, Verbs: []string{"screen"}, Users: []string{"root", "alice"}},
			{Technician: omar, Verbs: []string{session.Any}, Users: []string{"bob"}},
			{Technician: stranger, Verbs: []string{session.Any}, Users: []string{session.Any, "root"}},
		},
	}
	for _, test := range []struct {
		name       string
		key        []byte
		verb, user string
		want       session.Cause // 0: granted
	}{
		{"a named verb, any user", tess, "shell", "alice", 0},
		{"any user is not root", tess, "shell", "root", session.CauseUser},
		{"any user is not nobody at all", tess, "shell", "", session.CauseUser},
		{"root where it is named", tess, "screen", "root", 0},
		{"a named user", tess, "screen", "alice", 0},
		{"another user", tess, "screen", "bob", session.CauseUser},
		{"another verb", tess, "forward", "alice", session.CauseVerb},
		{"the wildcard is no verb", tess, "*", "alice", session.CauseVerb},
		{"any verb", omar, "whatever", "bob", 0},
		{"any verb, another user", omar, "whatever", "alice", session.CauseUser},
		{"the wildcard is no user", omar, "shell", "*", session.CauseUser},
		{"a grant without a technician", stranger, "shell", "alice", session.CauseTechnician},
		{"no key", nil, "shell", "alice", session.CauseTechnician},
		{"a short key", tess[:31], "shell", "alice", session.CauseTechnician},
	} {
		_, err := plan.Authorise(test.key, test.verb, test.user)
		var refusal *session.Refusal
		switch {
		case test.want == 0 && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != 0 && (!errors.As(err, &refusal) || refusal.Cause != test.want || !errors.Is(err, session.ErrDenied)):
			t.Errorf("%s: got %v, want cause %d", test.name, err, test.want)
		case test.want != 0 && (refusal.Verb != test.verb || refusal.User != test.user):
			t.Errorf("%s: speaks of %q and %q", test.name, refusal.Verb, refusal.User)
		}
	}
	if _, err := (session.Plan{}).Authorise(tess, "shell", "alice"); err == nil {
		t.Error("the zero Plan grants")
	}
	if _, err := (session.Plan{Grants: plan.Grants}).Authorise(nil, "shell", "alice"); err == nil {
		t.Error("a Plan without technicians grants to no key")
	}
}

// TestRightsAddUp: of several grants each gives what it has.
func TestRightsAddUp(t *testing.T) {
	tess := make(ed25519.PublicKey, 32)
	grant := func(verb string, r session.Rights) session.Grant {
		return session.Grant{Technician: tess, Verbs: []string{verb}, Users: []string{""}, Rights: r}
	}
	asked := session.Rights{Consent: true, ClipboardIn: true}
	plan := session.Plan{Technicians: []session.Technician{{Key: tess}}, Grants: []session.Grant{grant("view", session.Rights{}), grant("control", asked)}}
	if got, err := plan.Authorise(tess, "control", ""); err != nil || got != asked {
		t.Errorf("one grant: %+v, %v", got, err)
	}
	plan.Grants = append(plan.Grants, grant("control", session.Rights{Consent: true, ClipboardOut: true}))
	both, err := plan.Authorise(tess, "control", "")
	if want := (session.Rights{Consent: true, ClipboardIn: true, ClipboardOut: true}); err != nil || both != want {
		t.Errorf("two grants: %+v, %v", both, err)
	}
	plan.Grants = append(plan.Grants, grant("control", session.Rights{}))
	unattended, err := plan.Authorise(tess, "control", "")
	if err != nil || unattended.Consent {
		t.Errorf("three grants: %+v, %v", unattended, err)
	}
	if !both.Within(unattended) || unattended.Within(both) || both.Within(asked) || !asked.Within(both) {
		t.Error("what is within what")
	}
}

func TestRefusalsSayWhatIsMissing(t *testing.T) {
	for cause := session.CauseTechnician; cause <= session.CauseUnsupported; cause++ {
		text := (&session.Refusal{Cause: cause, Verb: "shell", User: "root", Offered: "bob"}).Error()
		if text == "not granted" || strings.HasSuffix(text, ".") {
			t.Errorf("cause %d says %q", cause, text)
		}
		if cause == session.CauseOtherUser && !strings.Contains(text, `"bob"`) {
			t.Errorf("the offered user is not in %q", text)
		}
	}
}

func TestID(t *testing.T) {
	id := session.NewID()
	if got, err := session.ParseID(id.String()); err != nil || got != id {
		t.Errorf("%s came back as %s, %v", id, got, err)
	}
	for _, bad := range []string{"", "xx", id.String()[:30], id.String() + "00", strings.Repeat("g", 32)} {
		if _, err := session.ParseID(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if session.NewID() == id {
		t.Error("two ids are one")
	}
}
