package screen

import (
	"context"
	"errors"
	"time"
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
