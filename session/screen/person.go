package screen

import (
	"context"
	"errors"
	"fmt"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
)

// AskTime is how long a person at a display has to answer; then it is a no.
const AskTime = 30 * time.Second

// What a Person answers.
var (
	// ErrNoConsent means that the person said no.
	ErrNoConsent = errors.New("the person at the device said no")
	// ErrNoAnswer means that nobody answered in time.
	ErrNoAnswer = errors.New("nobody at the device answered")
	// ErrStopped means that the person ended what they were told of.
	ErrStopped = errors.New("the person at the device stopped it")
)

// Watching is who wants to look at a display, or does.
type Watching struct {
	Technician, Mesh, Reason string
	// Control tells that keyboard and pointer are used too.
	Control bool
	// Since is when it began; for what is asked for, when it was asked.
	Since time.Time
}

// Person is whoever sits at a display. A Display that can speak to them
// implements it. Its methods may be called from any goroutine.
type Person interface {
	// Ask asks whether w may look, and blocks until that is answered: nil is a
	// yes, ErrNoConsent a no, ErrNoAnswer after AskTime.
	Ask(ctx context.Context, w Watching) error
	// Tell shows w until ctx ends, or gives ErrStopped once the person has had
	// enough. It needs no network.
	Tell(ctx context.Context, w Watching) error
}

// meet asks the person at the display where the policy wants that, and tells
// them who looks for as long as ctx lasts. told closes when the notice is gone.
func (v *viewer) meet(ctx context.Context) (told <-chan struct{}, err error) {
	person, there := v.display.(Person)
	w := Watching{
		Technician: v.request.Technician, Mesh: v.kind.crowd.cfg.Mesh, Reason: v.request.Reason,
		Control: v.kind.verb == Control, Since: v.begun,
	}
	if v.request.Rights.Consent {
		if !there {
			return nil, &session.EndError{Reason: "somebody at the device has to agree, and nobody can be asked on this display"}
		}
		asking := &warrenv1.ScreenAsking{Seconds: uint32(AskTime / time.Second)}
		if err := v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Asking{Asking: asking}}); err != nil {
			return nil, err
		}
		release, free := v.kind.crowd.question()
		if !free {
			return nil, &session.EndError{Reason: "the person at the device is being asked already; try again in a moment", Unavailable: true}
		}
		err := person.Ask(ctx, w)
		release()
		if err != nil {
			return nil, refused(ctx, err)
		}
		v.audit("the person at the device agreed")
		w.Since = time.Now()
	}
	gone := make(chan struct{})
	if !there {
		close(gone)
		return gone, nil
	}
	go func() { // ends with ctx, and who calls meet waits for it
		defer close(gone)
		err := person.Tell(ctx, w)
		switch {
		case errors.Is(err, ErrStopped):
			v.halt(&session.EndError{Reason: ErrStopped.Error()})
		case err != nil && ctx.Err() == nil && v.request.Rights.Consent:
			v.halt(fmt.Errorf("the notice cannot be shown: %w", err))
		case err != nil && ctx.Err() == nil:
			v.kind.crowd.cfg.Log.Warn("notice of a session was not shown", "session", v.request.ID.String(), "err", err)
		}
	}()
	return gone, nil
}

// refused is what the technician is told of a question without a yes.
func refused(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrNoConsent), errors.Is(err, ErrNoAnswer):
		return &session.EndError{Reason: err.Error()}
	}
	return errors.Join(&session.EndError{Reason: "nobody at the device could be asked"}, err)
}

// question takes the right to ask: one question at a time, for many are none.
func (c *crowd) question() (release func(), free bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking {
		return nil, false
	}
	c.asking = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asking = false
	}, true
}

// audit tells the audit log.
func (v *viewer) audit(what string) {
	if v.request.Note != nil {
		v.request.Note(what)
	}
}
