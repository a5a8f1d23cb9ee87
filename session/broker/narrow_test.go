package broker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"warren/session"
	"warren/session/sessiontest"
)

// look is another verb than echo, served alike.
type look struct{ echo }

func (look) Verb() string { return "look" }

// TestNarrowedRightsEndWhatIsLive: a session keeps no right that a new policy
// does not give, and one that the policy still gives whole goes on.
func TestNarrowedRightsEndWhatIsLive(t *testing.T) {
	p := sessiontest.NewPair(t, echo{}, look{})
	plan := func(verbs []string, r session.Rights) session.Plan {
		out := p.Plan()
		out.Grants[0].Verbs, out.Grants[0].Rights = verbs, r
		return out
	}
	both := []string{"echo", "look"}
	all := session.Rights{ClipboardIn: true, ClipboardOut: true}
	for name, test := range map[string]struct {
		then       session.Plan
		echo, look bool // go on
	}{
		"the same":                 {plan(both, all), true, true},
		"only to look":             {plan([]string{"look"}, all), false, true},
		"nothing":                  {plan(nil, all), false, false},
		"nothing comes in":         {plan(both, session.Rights{ClipboardOut: true}), false, false},
		"nothing goes out":         {plan(both, session.Rights{ClipboardIn: true}), false, false},
		"somebody has to be asked": {plan(both, session.Rights{Consent: true, ClipboardIn: true, ClipboardOut: true}), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p.Broker.Apply(plan(both, all))
			live := map[string]bool{"echo": test.echo, "look": test.look}
			for verb, goesOn := range live {
				c := dial(t, p, verb)
				p.Broker.Apply(test.then)
				if goesOn {
					if err := c.Stream().Send(t.Context(), []byte("x")); err != nil {
						t.Errorf("%s: %v", verb, err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				_, err := c.Stream().Receive(ctx)
				cancel()
				var end *session.EndError
				if goesOn && err != nil || !goesOn && (!errors.As(err, &end) || end.Reason != session.ReasonRevoked || end.Unavailable) {
					t.Errorf("%s: %v", verb, err)
				}
				p.Broker.Apply(plan(both, all))
			}
		})
	}
}

// TestOpenedWhileRevoked: of sessions that are being opened while the right to
// them goes, none is left.
func TestOpenedWhileRevoked(t *testing.T) {
	p := sessiontest.NewPair(t, echo{})
	none := p.Plan()
	none.Technicians = nil
	for range 5 {
		p.Broker.Apply(p.Plan())
		var opening sync.WaitGroup
		ends := make(chan error, 8)
		for range 8 {
			opening.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // who was answered, and is not met
				defer cancel()
				c, err := p.Dial(ctx, "echo", "guest", nil)
				if err != nil {
					ends <- err
					return
				}
				defer c.Close()
				_, err = c.Stream().Receive(t.Context())
				ends <- err
			})
		}
		time.Sleep(2 * time.Millisecond)
		p.Broker.Apply(none)
		done := make(chan struct{})
		go func() { opening.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("a session outlives its right")
		}
		for range 8 {
			if err := <-ends; err == nil {
				t.Error("a session went on")
			}
		}
		for deadline := time.Now().Add(5 * time.Second); len(p.Broker.Sessions()) > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d sessions are live", len(p.Broker.Sessions()))
			}
		}
	}
}
