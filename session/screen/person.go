package screen

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen/words"
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
	if err := v.kind.crowd.welcome(v.request.Technician); err != nil {
		return nil, err
	}
	person, there := v.display.(Person)
	w := Watching{
		Technician: v.request.Technician, Mesh: v.kind.crowd.cfg.Mesh, Reason: v.request.Reason,
		Control: v.kind.verb == Control, Since: v.begun,
	}
	if v.request.Rights.Consent {
		if !there {
			return nil, &over{said: words.NobodyToAsk.Say()}
		}
		asking := &warrenv1.ScreenAsking{Seconds: uint32(AskTime / time.Second)}
		if err := v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Asking{Asking: asking}}); err != nil {
			return nil, err
		}
		release, err := v.kind.crowd.question(w.Technician)
		if err != nil {
			return nil, err
		}
		if err := v.kind.crowd.still(ctx); err != nil {
			release(nil)
			return nil, err
		}
		v.audit("the person at the device is asked, on " + whose(v.display))
		err = person.Ask(ctx, w)
		release(err)
		if err != nil {
			return nil, refused(ctx, err)
		}
		if ctx.Err() != nil { // a yes to who may not look any more
			return nil, context.Cause(ctx)
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
			v.kind.crowd.sendAway(w.Technician)
			v.halt(&over{said: words.Stopped.Say()})
		case err != nil && ctx.Err() == nil && v.request.Rights.Consent:
			v.halt(fmt.Errorf("the notice cannot be shown: %w", err))
		case err != nil && ctx.Err() == nil:
			v.audit("the notice was taken away")
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
	case errors.Is(err, ErrNoConsent):
		return &over{said: words.SaidNo.Say()}
	case errors.Is(err, ErrNoAnswer):
		return &over{said: words.NoAnswer.Say()}
	}
	return &over{said: words.NotAsked.Say(), cause: err}
}

const (
	// notAgain is how long a technician who was told no may not look or ask.
	notAgain = 2 * time.Minute
	// mostWithdrawn is how many questions may be taken back in that time: one
	// after the other they are asked until one is answered by mistake.
	mostWithdrawn = 3
)

// welcome refuses who was told no of late, or was stopped: a page that has
// missed why opens again by itself.
func (c *crowd) welcome(technician string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := c.away[technician]; time.Now().Before(until) {
		return &over{said: words.JustSaidNo.Say()}
	}
	return nil
}

// question takes the right to ask: one question at a time, for many are none.
// While it is open nobody's input counts: it would answer. release is told what
// the answer was.
func (c *crowd) question(technician string) (release func(answer error), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking {
		return nil, &over{said: words.AskedAlready.Say(), unavailable: true}
	}
	c.asking = true
	return func(answer error) {
		no := errors.Is(answer, ErrNoConsent) || errors.Is(answer, ErrNoAnswer)
		if no || answer != nil && c.tookBack(technician) {
			c.sendAway(technician)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asking = false
	}, nil
}

// tookBack notes a question without an answer, and tells whether those are too
// many.
func (c *crowd) tookBack(technician string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for name, all := range c.withdrawn {
		if all = slices.DeleteFunc(all, func(at time.Time) bool { return now.Sub(at) > notAgain }); len(all) == 0 {
			delete(c.withdrawn, name)
		} else {
			c.withdrawn[name] = all
		}
	}
	c.withdrawn[technician] = append(c.withdrawn[technician], now)
	return len(c.withdrawn[technician]) >= mostWithdrawn
}

// still waits until what technicians were typing when a question opened is
// typed: a long text with a Tab and an Enter in it would answer.
func (c *crowd) still(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, AskTime, &over{said: words.Typing.Say(), unavailable: true})
	defer cancel()
	c.mu.Lock()
	all := slices.Collect(maps.Keys(c.viewers))
	c.mu.Unlock()
	for _, v := range all {
		if err := v.seating.free(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sendAway keeps a technician from looking for a while.
func (c *crowd) sendAway(technician string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for name, until := range c.away {
		if now.After(until) {
			delete(c.away, name)
		}
	}
	c.away[technician] = now.Add(notAgain)
}

// asked tells that a question is open.
func (c *crowd) asked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asking
}

// whose names a display and its owner.
func whose(d Display) string {
	if d.Owner() == "" {
		return "display " + d.Name()
	}
	return fmt.Sprintf("display %s of %s", d.Name(), d.Owner())
}

// audit tells the audit log.
func (v *viewer) audit(what string) {
	if v.request.Note != nil {
		v.request.Note(what)
	}
}
