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

// Config says who lets go of what seats hold when this process is killed. The
// zero value is whoever controls the display next.
type Config struct {
	// Folder is where it is noted what is held: for an heir, and for Inherit with
	// that folder. It is made where it is not there.
	Folder string
	// Heir is how this program is started so that it calls Inherit: its path, its
	// name and more arguments.
	Heir []string
}

// New makes the desk.
func New(cfg Config) *Desk { return &Desk{seats: seats{config: cfg}} }

// Open implements screen.Desk.
func (k *Desk) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	found := newProbe().look()
	places := found.places
	if want.Display != "" {
		n, err := displayNumber(want.Display)
		if err != nil {
			return nil, missing(err.Error(), listening(ctx, places))
		}
		places = slices.DeleteFunc(slices.Clone(places), func(p place) bool { return p.number != n })
	}
	var refused []error
	for _, p := range places {
		d, err := openPlace(ctx, p)
		if err == nil {
			d.rows, d.seats = &k.rows, &k.seats
			d.all = listening(ctx, found.places)
			go d.watchOthers() // ends with the connection
			return d, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !errors.Is(err, unix.ECONNREFUSED) { // what a server that is gone has left
			refused = append(refused, err)
		}
	}
	if want.Display == "" {
		return nil, unavailable(found, refused)
	}
	others := listening(ctx, found.places)
	if len(refused) == 0 {
		return nil, missing(fmt.Sprintf("there is no display %s on this machine", want.Display), others)
	}
	u := unavailable(found, refused)
	u.Displays = slices.DeleteFunc(others, func(d screen.Named) bool { return d.Name == places[0].name })
	return nil, u
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

// missing says that a display is not there, and what is.
func missing(why string, others []screen.Named) *screen.Unavailable {
	if len(others) == 0 {
		return &screen.Unavailable{Why: why + ", nor any other", Try: noServer}
	}
	var names []string
	for _, d := range others[:min(len(others), 8)] {
		names = append(names, d.Name)
	}
	return &screen.Unavailable{Why: why, Try: strings.Join(names, " or "), Displays: others}
}

// noServer is what to do where no X server runs.
const noServer = "a session on X11 there, or a virtual display"

// unavailable says why nothing can be looked at.
func unavailable(f finding, refused []error) *screen.Unavailable {
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
		return &screen.Unavailable{Why: "no X server runs on this machine", Try: noServer}
	}
}

func errWayland() *screen.Unavailable {
	return &screen.Unavailable{Why: "a Wayland session runs here, and Wayland cannot be looked at yet", Try: "log in there with an X11 (Xorg) session"}
}
