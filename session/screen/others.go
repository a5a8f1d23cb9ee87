package screen

import (
	"context"
	"errors"
	"time"

	warrenv1 "warren/api/warren/v1"
)

// offerTime bounds how long the end of a session waits for a viewer that reads
// nothing.
const offerTime = time.Second

// displays are as many as a viewer is told of.
func displays(all []Named) (out []*warrenv1.ScreenDisplay) {
	for _, d := range all[:min(len(all), maxDisplays)] {
		out = append(out, &warrenv1.ScreenDisplay{Name: d.Name, Owner: d.Owner})
	}
	return out
}

// tellOf tells the viewer of displays.
func (v *viewer) tellOf(ctx context.Context, all []Named) error {
	return v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Displays{Displays: &warrenv1.ScreenDisplays{Displays: displays(all)}}})
}

// part tells a viewer what else there is where its display ends, or is not there,
// and why the session ends. ctx is the stream's, for the session's has ended.
func (v *viewer) part(ctx context.Context, err error, told *over) {
	ctx, cancel := context.WithTimeout(ctx, offerTime)
	defer cancel()
	var no *Unavailable
	if errors.Is(err, ErrGone) || errors.As(err, &no) {
		v.offer(ctx, no)
	}
	if told != nil { // a viewer that is gone misses nothing
		_ = v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Ended{Ended: said(told.said)}})
	}
}

// offer tells what else there is.
func (v *viewer) offer(ctx context.Context, no *Unavailable) {
	var others []Named
	for _, d := range append(v.left, no.others()...) {
		if v.display != nil && d.Name == v.display.Name() {
			continue
		}
		if v.encoder == nil { // nobody may have agreed to anything yet
			d.Owner = ""
		}
		others = append(others, d)
	}
	_ = v.tellOf(ctx, others) // a viewer that is gone misses nothing
}

func (u *Unavailable) others() []Named {
	if u == nil {
		return nil
	}
	return u.Displays
}
