package api

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"warren/node/fault"
	"warren/session"
)

// TestRefusalsHaveCodes: a page says each in its own language.
func TestRefusalsHaveCodes(t *testing.T) {
	t.Parallel()
	seen := map[fault.Code]error{}
	for _, err := range []error{
		&session.Refusal{Cause: session.CauseTechnician},
		&session.Refusal{Cause: session.CauseVerb, Verb: "view"},
		&session.Refusal{Cause: session.CauseUser, Verb: "shell", User: "kim"},
		&session.Refusal{Cause: session.CauseNoVerb, Verb: "view"},
		&session.Refusal{Cause: session.CauseNoUser, User: "kim"},
		&session.Refusal{Cause: session.CauseNoLogin, User: "kim"},
		&session.Refusal{Cause: session.CauseOtherUser, User: "kim", Offered: "kiosk"},
		&session.Refusal{Cause: session.CauseUnsupported, Verb: "view"},
		session.ErrRefused, session.ErrNoAnswer, session.ErrBusy, session.ErrUnreachable,
	} {
		said := fault.Of(sessionFault(fmt.Errorf("open: %w", err))).Said
		if before, twice := seen[said.Code]; said.Code == "" || twice {
			t.Errorf("%v is said as %v, like %v", err, said, before)
		}
		seen[said.Code] = err
	}
	want := fault.Said{Code: fault.OwnUserOnly, Args: []string{"kiosk", "kim"}}
	got := fault.Of(sessionFault(&session.Refusal{Cause: session.CauseOtherUser, User: "kim", Offered: "kiosk"})).Said
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestEndsHaveCodes: what any session may end for, and what only its kind knows.
func TestEndsHaveCodes(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errEndedHere)
	for _, test := range []struct {
		ctx  context.Context
		err  error
		kind fault.Kind
		want fault.Code
	}{
		{t.Context(), &session.EndError{Reason: session.ReasonRevoked}, fault.Denied, fault.SessionRevoked},
		{t.Context(), &session.EndError{Reason: session.ReasonEnded}, fault.Denied, fault.EndedThere},
		{t.Context(), &session.EndError{Reason: session.ReasonFailed}, fault.Denied, fault.SessionFailed},
		{t.Context(), &session.EndError{Reason: session.ReasonStopped, Unavailable: true}, fault.Unavailable, fault.SessionStopped},
		{t.Context(), &session.EndError{Reason: session.ReasonLost, Unavailable: true}, fault.Unavailable, fault.ConnectionLost},
		{t.Context(), &session.EndError{Reason: "out of paper"}, fault.Denied, ""},
		{t.Context(), session.ErrLost, fault.Unavailable, fault.ConnectionLost},
		{over, errors.New("closed"), fault.Denied, fault.EndedHere},
	} {
		if got := fault.Of(endedBy(test.ctx, test.err)); got.Kind != test.kind || got.Said.Code != test.want {
			t.Errorf("%v is %v, said as %q; want %v, %q", test.err, got.Kind, got.Said.Code, test.kind, test.want)
		}
	}
}
