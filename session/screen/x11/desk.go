//go:build linux

package x11

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"warren/session/screen"
	"warren/session/screen/words"
)

// Desk opens the displays of this machine's X servers.
type Desk struct {
	find  func() finding
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
func New(cfg Config) *Desk {
	return &Desk{find: func() finding { return newProbe().look() }, seats: seats{config: cfg}}
}

// Open implements screen.Desk.
func (k *Desk) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	found := k.find()
	places := found.places
	if want.Display != "" {
		n, err := displayNumber(want.Display)
		if err != nil {
			return nil, missing(want.Display, listening(ctx, places))
		}
		places = slices.DeleteFunc(slices.Clone(places), func(p place) bool { return p.number != n })
	}
	var refused []error
	hangs := map[uint32]bool{} // anybody can have many that do, and each takes its time
	for _, p := range places {
		if hangs[p.owner] {
			continue
		}
		d, err := openPlace(ctx, p)
		hangs[p.owner] = p.owner != 0 && errors.Is(err, os.ErrDeadlineExceeded)
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
		return nil, missing(want.Display, others)
	}
	u := unavailable(found, refused)
	u.Displays = slices.DeleteFunc(others, func(d screen.Named) bool { return d.Name == places[0].name })
	return nil, u
}

// Look tries the displays of this machine and gives the names of those that
// open, and why the first of the others does not: an *screen.Unavailable.
func (k *Desk) Look(ctx context.Context) (open []string, why error) {
	found := k.find()
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
func missing(name string, others []screen.Named) *screen.Unavailable {
	if len(others) == 0 {
		return &screen.Unavailable{Said: words.NoDisplay.Say(name)}
	}
	var names []string
	for _, d := range others[:min(len(others), 8)] {
		names = append(names, d.Name)
	}
	return &screen.Unavailable{Said: words.OtherDisplays.Say(name, strings.Join(names, ", ")), Displays: others}
}

// unavailable says why nothing can be looked at.
func unavailable(f finding, refused []error) *screen.Unavailable {
	switch {
	case len(refused) > 0:
		var u *screen.Unavailable
		if errors.As(refused[0], &u) {
			return u
		}
		return &screen.Unavailable{Said: words.DisplayRefused.Say(refused[0].Error())}
	case len(f.wayland) > 0:
		return errWayland()
	default:
		return &screen.Unavailable{Said: words.NoServer.Say()}
	}
}

func errWayland() *screen.Unavailable {
	return &screen.Unavailable{Said: words.Wayland.Say()}
}
