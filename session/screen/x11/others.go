//go:build linux

package x11

import (
	"context"
	"net"
	"os"
	"slices"
	"time"

	"warren/session/screen"
)

const (
	// listenTime bounds how long displays are told from what dead servers have
	// left: the first picture waits.
	listenTime = 100 * time.Millisecond
	// othersEvery is how often is looked whether displays have come or gone,
	// while somebody looks at one. It costs two folders and a list of sockets
	// (0.06 ms); servers are connected to only where that has changed, and once
	// more after: one that has just come may not listen yet.
	othersEvery = time.Second
)

// listening are the displays at which somebody listens.
func listening(ctx context.Context, places []place) (out []screen.Named) {
	ctx, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	for _, p := range places {
		raw, err := (&net.Dialer{}).DialContext(ctx, "unix", p.socket)
		if err != nil {
			continue
		}
		out = append(out, screen.Named{Name: p.name, Owner: owner(raw, p.name, sessions()...)})
		raw.Close()
	}
	return out
}

// watchOthers keeps the machine's displays until the connection has ended.
func (d *Display) watchOthers() {
	tick := time.NewTicker(othersEvery)
	defer tick.Stop()
	p, was, unsettled := newProbe(), "", true
	for {
		select {
		case <-d.done:
			return
		case <-tick.C:
		}
		at, signs := p.sockets()
		for _, folder := range sessions() { // who logs in on a display that stays
			if s, err := os.Stat(folder); err == nil {
				signs += s.ModTime().String()
			}
		}
		if signs == was && !unsettled {
			continue
		}
		was, unsettled = signs, signs != was
		all := listening(context.Background(), p.placesOf(at)) // a moment
		d.mu.Lock()
		changed := !slices.Equal(all, d.all)
		if changed {
			d.all, d.others = all, true
		}
		d.mu.Unlock()
		if changed {
			d.wake()
		}
	}
}

// Displays implements screen.Source.
func (d *Display) Displays() (all []screen.Named, changed bool) {
	select {
	case <-d.done:
		p := newProbe()
		at, _ := p.sockets()
		return listening(context.Background(), p.placesOf(at)), true // a moment
	default:
	}
	changed = d.take(&d.others)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all, changed
}
