package screen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"warren/session"
	"warren/session/screen/codec"
	"warren/session/screen/words"
)

// The verbs, as grants and offers call them.
const (
	View    = "view"
	Control = "control"
)

const (
	// maxViewers bounds the sessions at a time: each holds a picture.
	maxViewers = 8
	// forOthers are the last of these places, for technicians who have none.
	forOthers = 2
)

// Config says what a device shows.
type Config struct {
	Desk Desk
	// Video starts what makes video of a part of the picture; nil is the codec
	// helper that the binary carries.
	Video func(context.Context, codec.Options) (Coder, error)
	// Mesh is the name that a person at a display is told.
	Mesh string
	// Log is for the device's own log; nil is silence.
	Log *slog.Logger
}

// Kinds gives the kinds "view" and "control" of a device. They know of each
// other's viewers.
func Kinds(cfg Config) []session.Kind {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Video == nil {
		cfg.Video = startCodec
	}
	c := &crowd{cfg: cfg, places: map[string]int{}, viewers: map[*viewer]struct{}{}, away: map[string]time.Time{}, withdrawn: map[string][]time.Time{}}
	return []session.Kind{&kind{View, c}, &kind{Control, c}}
}

// kind serves one of the verbs.
type kind struct {
	verb  string
	crowd *crowd
}

// Verb implements session.Kind.
func (k *kind) Verb() string { return k.verb }

// Admit implements session.Admitter.
func (k *kind) Admit(r session.Request) error {
	if _, err := decodeRequest(r.Payload); err != nil {
		return err
	}
	return k.crowd.has(r.Technician)
}

// Serve implements session.Kind. What ends it on the device's side is an
// *session.EndError: the technician is told.
func (k *kind) Serve(ctx context.Context, s session.Stream, r session.Request) error {
	asked, err := decodeRequest(r.Payload)
	if err != nil {
		return err
	}
	back, err := k.crowd.reserve(r.Technician)
	if err != nil {
		return err
	}
	defer back()
	whole := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v := newViewer(k, s, r, asked)
	v.halt = cancel
	var receiving sync.WaitGroup
	served := make(chan struct{})
	receiving.Go(func() {
		defer close(served)
		if err := v.serveSeat(ctx); err != nil {
			cancel(err)
		}
	})
	receiving.Go(func() {
		err := v.receive(ctx)
		close(v.inputs) // nobody else sends there
		if errors.Is(err, io.EOF) {
			select {
			case <-served:
			case <-ctx.Done():
			case <-time.After(lastInputs):
			}
		}
		cancel(err)
	})
	err = v.run(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cancel(err)
	receiving.Wait()
	var end *session.EndError
	if errors.As(err, &end) && end.Reason == session.ReasonEnded { // by who is at the device
		k.crowd.sendAway(r.Technician)
	}
	told := ended(err)
	v.part(whole, err, told)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case told == nil:
		return err
	case told.said.Code == words.DisplayEnded:
		k.crowd.cfg.Log.Info("display ended", "session", r.ID.String(), "error", err)
	}
	return errors.Join(&session.EndError{Reason: told.Error(), Unavailable: told.unavailable}, told.cause)
}

// over is an end that the technician is told of.
type over struct {
	said        words.Sentence
	unavailable bool  // as in session.EndError
	cause       error // for the device's own log
}

func (o *over) Error() string { return o.said.String() }
func (o *over) Unwrap() error { return o.cause }

// ended is what the technician is told of an end, if anything.
func ended(err error) (told *over) {
	var no *Unavailable
	switch {
	case errors.As(err, &told):
		return told
	case errors.As(err, &no):
		return &over{said: no.Said, unavailable: true}
	case errors.Is(err, ErrGone):
		return &over{said: words.DisplayEnded.Say(), unavailable: true}
	}
	return nil
}

// crowd is all who look at this device's displays.
type crowd struct {
	cfg     Config
	mu      sync.Mutex
	places  map[string]int // taken, by technician, also by those who are not let in yet
	viewers map[*viewer]struct{}
	asking  bool                 // a person is
	away    map[string]time.Time // technicians who may not look before
	// withdrawn are the questions that technicians took back of late.
	withdrawn map[string][]time.Time
}

// has tells that there is a place for a technician.
func (c *crowd) has(technician string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.place(technician)
}

// place is has, c.mu held.
func (c *crowd) place(technician string) error {
	taken := 0
	for _, n := range c.places {
		taken += n
	}
	switch own := c.places[technician]; {
	case taken >= maxViewers:
		return fmt.Errorf("%d viewers: %w", taken, session.ErrBusy)
	case own > 0 && taken >= maxViewers-forOthers:
		return fmt.Errorf("%d viewers, %d of them of %s: %w", taken, own, technician, session.ErrBusy)
	}
	return nil
}

// reserve takes one of the places that there are, before anybody is asked.
func (c *crowd) reserve(technician string) (back func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.place(technician); err != nil {
		return nil, err
	}
	c.places[technician]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.places[technician]--; c.places[technician] == 0 {
			delete(c.places, technician)
		}
	}, nil
}

// enter adds a viewer and gives what takes it out again. All who look at the
// same display are told.
func (c *crowd) enter(v *viewer) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.viewers[v] = struct{}{}
	c.tell(v.display.Name())
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.viewers, v)
		c.tell(v.display.Name())
	}
}

// tell wakes all who look at a display, c.mu held.
func (c *crowd) tell(display string) {
	for v := range c.viewers {
		if v.display.Name() == display {
			v.crowded.Store(true)
			v.wake()
		}
	}
}

// names are the technicians who look at a display.
func (c *crowd) names(display string) (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for v := range c.viewers {
		if v.display.Name() == display {
			out = append(out, v.request.Technician)
		}
	}
	slices.Sort(out)
	return out
}
