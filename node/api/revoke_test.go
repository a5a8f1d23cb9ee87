package api

import (
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
)

func TestRevokeOutcome(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer  error
		outcome string
		kind    fault.Kind // of the error; nil is none
		holds   bool
	}{
		"entered":              {outcome: "entered", holds: true},
		"no controller":        {answer: fault.New(fault.Unavailable, "no controller answers"), outcome: "spreading", holds: true},
		"whether it did, open": {answer: fault.New(fault.Unavailable, "whether it took effect is not known"), outcome: "spreading", holds: true},
		"refused":              {answer: fault.New(fault.Conflict, "full"), kind: fault.Conflict, holds: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cam := w.device("cam", "cam")
			w.answer = tt.answer
			ctx := by(t.Context(), 4711)
			dry := &warrenv1.RevokeRequest{Target: "cam", Reason: "stolen", DryRun: true}
			if r, err := (nodeService{w.local}).Revoke(ctx, dry); err != nil || r.GetOutcome() != "" || len(w.said) != 0 {
				t.Fatalf("dry run: %v, %v, %d said", r, err, len(w.said))
			}
			r, err := nodeService{w.local}.Revoke(ctx, &warrenv1.RevokeRequest{Target: "cam", Reason: "stolen"})
			if r.GetOutcome() != tt.outcome || (err != nil) != (tt.outcome == "") || err != nil && fault.KindOf(err) != tt.kind {
				t.Errorf("got %v, %v", r, err)
			}
			if d, _ := w.log().Device(cam.ID); d.Revoked != tt.holds {
				t.Errorf("it holds here: %v", d.Revoked)
			}
			if len(w.said) != 1 {
				t.Errorf("%d statements were said, want one", len(w.said))
			}
		})
	}
}

// TestRevokeAController: it leaves the cluster first; the last one stays.
func TestRevokeAController(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer error
		holds  bool
	}{
		"done":           {nil, true},
		"none answers":   {fault.New(fault.Unavailable, "no controller answers"), true},
		"it is the last": {fault.New(fault.Conflict, "the last one").Because("last-voter"), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.answer = tt.answer
			hub := w.log().Controllers()[0]
			r, err := nodeService{w.local}.Revoke(by(t.Context(), 4711), &warrenv1.RevokeRequest{Target: hub.String(), Reason: "stolen"})
			if (err == nil) != tt.holds {
				t.Errorf("got %v, %v", r, err)
			}
			if d, _ := w.log().Device(hub); d.Revoked != tt.holds || len(w.said) > 0 != tt.holds {
				t.Errorf("it holds here: %v; %d said", d.Revoked, len(w.said))
			}
		})
	}
}
