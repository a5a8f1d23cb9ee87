//go:build linux

package x11

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"warren/session/screen"
)

// Desk opens the displays of this machine's X servers.
type Desk struct {
	rows  rows
	seats seats
}

// New makes the desk.
func New() *Desk { return &Desk{} }

// Open implements screen.Desk.
func (k *Desk) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	found := newProbe().look()
	places := found.places
	if want.Display != "" {
		n, err := displayNumber(want.Display)
		if err != nil {
			return nil, &screen.Unavailable{Why: err.Error(), Try: "one of " + names(found.places)}
		}
		places = slices.DeleteFunc(slices.Clone(places), func(p place) bool { return p.number != n })
		if len(places) == 0 {
			return nil, &screen.Unavailable{Why: fmt.Sprintf("there is no display %s on this machine", want.Display), Try: "one of " + names(found.places)}
		}
	}
	var refused []error
	for _, p := range places {
		d, err := openPlace(ctx, p)
		if err == nil {
			d.rows, d.seats = &k.rows, &k.seats
			d.all = listening(ctx, found.places)
			return d, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !errors.Is(err, unix.ECONNREFUSED) { // what a server that is gone has left
			refused = append(refused, err)
		}
	}
	return nil, unavailable(found, refused)
}

// Look tries the displays of this machine and gives the names of those that
// open, and why the first of the others does not: an *screen.Unavailable.
func (*Desk) Look(ctx context.Context) (open []string, why error) {
	found := newProbe().look()
	var refused []error
	for _, p := range found.places[:min(len(found.places), mostTried)] {
		d, err := openPlace(ctx, p)
		if errors.Is(err, unix.ECONNREFUSED) { // what a server that is gone has left
			continue
		}
		if err != nil {
			refused = append(refused, err)
			continue
		}
		open = append(open, p.name)
		_ = d.Close()
	}
	if len(refused) > 0 || len(open) == 0 {
		why = unavailable(found, refused)
	}
	return open, why
}

// mostTried bounds the displays that Look tries.
const mostTried = 16

func names(places []place) string {
	if len(places) == 0 {
		return "none: no X server runs here"
	}
	var out []string
	for _, p := range places {
		out = append(out, p.name)
	}
	return strings.Join(out[:min(len(out), 8)], ", ")
}

// unavailable says why nothing can be looked at.
func unavailable(f finding, refused []error) error {
	switch {
	case len(refused) > 0:
		u := &screen.Unavailable{Why: refused[0].Error()}
		if errors.As(refused[0], &u) {
			return u
		}
		u.Try = "run the node as root, or as the user whose display it is"
		return u
	case len(f.wayland) > 0:
		return errWayland()
	default:
		return &screen.Unavailable{Why: "no X server runs on this machine", Try: "a session on X11 there, or a virtual display"}
	}
}

func errWayland() error {
	return &screen.Unavailable{Why: "a Wayland session runs here, and Wayland cannot be looked at yet", Try: "log in there with an X11 (Xorg) session"}
}
