package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"warren/api/warren/v1/warrenv1connect"
	"warren/node/fault"
	"warren/session"
)

var anID = regexp.MustCompile(`"id":"([a-z2-7]{8})"`)

// TestWhatEndedASession: a refusal is one, a display that has ended is none.
func TestWhatEndedASession(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want fault.Kind
	}{
		{&session.EndError{Reason: session.ReasonRevoked}, fault.Denied},
		{&session.EndError{Reason: "the display has ended", Unavailable: true}, fault.Unavailable},
		{session.ErrLost, fault.Unavailable},
	} {
		if got := fault.KindOf(endedBy(t.Context(), test.err)); got != test.want {
			t.Errorf("%v is %v, want %v", test.err, got, test.want)
		}
	}
	// What a person or the policy ended here is not opened again by itself.
	for cause, want := range map[error]fault.Kind{
		errEndedHere: fault.Denied, fault.New(fault.Denied, "device %q was revoked", "kiosk"): fault.Denied,
		errViewerGone: fault.Unavailable, context.Canceled: fault.Unavailable,
	} {
		ctx, end := context.WithCancelCause(t.Context())
		end(cause)
		if got := fault.KindOf(endedBy(ctx, session.ErrLost)); got != want {
			t.Errorf("%v is %v, want %v", cause, got, want)
		}
	}
}

// TestErrorsAreInTheLog asks for what is not there, and looks the id up.
func TestErrorsAreInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log bytes.Buffer
	w.local.Errors = NewErrors(slog.New(slog.NewTextHandler(&log, nil)))
	res := w.ask(0, warrenv1connect.NodeServiceDeviceProcedure)
	id := anID.FindStringSubmatch(res.Body.String())
	if id == nil {
		t.Fatalf("no id in %s", res.Body)
	}
	if got := log.String(); strings.Count(got, id[1]) != 1 || !strings.Contains(got, "call="+warrenv1connect.NodeServiceDeviceProcedure) || !strings.Contains(got, "user=0") {
		t.Errorf("id %s is not in the log once: %s", id[1], got)
	}
	// Strangers cannot fill it, and what is not in it has no id.
	log.Reset()
	shown := 0
	for range 50 {
		res := w.ask(4712, warrenv1connect.NodeServiceDevicesProcedure)
		if res.Code != http.StatusForbidden {
			t.Fatalf("status %d", res.Code)
		}
		if id := anID.FindStringSubmatch(res.Body.String()); id != nil {
			if shown++; !strings.Contains(log.String(), id[1]) {
				t.Errorf("id %s is not in the log", id[1])
			}
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != shown || shown < 1 || shown > strangerBurst+1 {
		t.Errorf("%d lines, %d ids for 50 errors", lines, shown)
	}
	// Nor do they take away what is there for others.
	if res := w.ask(0, warrenv1connect.NodeServiceDeviceProcedure); !anID.MatchString(res.Body.String()) {
		t.Errorf("no id in %s", res.Body)
	}
}

func TestTellingAnError(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := NewErrors(slog.New(slog.NewTextHandler(&log, nil)))
	first := e.Tell(t.Context(), "call", true, errors.New("disk on fire"))
	if id := fault.Of(first).ID; id == "" || !strings.Contains(log.String(), "level=ERROR") || !strings.HasSuffix(fault.Format(first), "disk on fire (error "+id+")") {
		t.Errorf("%s\n%s", fault.Format(first), log.String())
	}
	// Another node's id is kept through the API, so that both logs have it.
	if second := e.Tell(t.Context(), "call", true, fault.FromWire(fault.Wire(first))); fault.Of(second).ID != fault.Of(first).ID {
		t.Errorf("%+v", second)
	}
	log.Reset()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Tell(gone, "call", true, gone.Err()); fault.Of(err).ID != "" || log.Len() > 0 {
		t.Errorf("who went away was told %v: %s", err, log.String())
	}
	if e.Tell(t.Context(), "call", true, nil) != nil || (*Errors)(nil).Tell(t.Context(), "call", true, first) != first { //nolint:errorlint // identity is the promise
		t.Error("nothing became something")
	}
}
