//go:build linux

package x11

import (
	"context"
	"image"
	"sync"
	"time"

	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
)

// noticeHeight is a notice's, in units.
const noticeHeight = 36

// rows hands out places for notices, so that none covers another.
type rows struct {
	mu    sync.Mutex
	taken map[string][]bool // by display
}

func (r *rows) take(display string) (row int, back func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken == nil {
		r.taken = map[string][]bool{}
	}
	all := r.taken[display]
	for row < len(all) && all[row] {
		row++
	}
	if row == len(all) {
		all = append(all, false)
	}
	all[row] = true
	r.taken[display] = all
	return row, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken[display][row] = false
	}
}

// notice is what a person sees while somebody looks.
type notice struct {
	*window
	stop image.Rectangle // the button
	// What the left button does while it is down.
	pressed, dragged bool
	grip             image.Point
}

// Tell implements screen.Person.
func (d *Display) Tell(ctx context.Context, w screen.Watching) error {
	row, back := d.rows.take(d.Name())
	defer back()
	n := &notice{}
	does := " looks at this screen"
	if w.Control {
		does = " controls this computer"
	}
	since := " since " + w.Since.Local().Format("15:04") //nolint:gosmopolitan // the person's own clock
	bold, plain := style{14, true, ink()}, style{14, false, ink()}
	ruler, err := newCanvas(1, 1, 1)
	if err != nil {
		return err
	}
	who, err := ruler.wrap(bold, w.Technician, 300, 1)
	if err != nil {
		return err
	}
	name := who[0]
	a, err := ruler.width(bold, name)
	if err != nil {
		return err
	}
	b, err := ruler.width(plain, does+since)
	if err != nil {
		return err
	}
	width := 34 + a + b + 16 + 64 + 8
	n.stop = image.Rect(width-72, 5, width-8, noticeHeight-5)
	n.window, err = d.openWindow(ctx, image.Pt(width, noticeHeight), func(m image.Rectangle, size image.Point) image.Point {
		return m.Min.Add(image.Pt((m.Dx()-size.X)/2, row*(size.Y+4)))
	})
	if err != nil {
		return err
	}
	defer n.Close()
	c, err := newCanvas(width, noticeHeight, n.scale)
	if err != nil {
		return err
	}
	all := image.Rect(0, 0, width, noticeHeight)
	c.fill(all, paper())
	c.frame(all, 2, alarm())
	c.fill(image.Rect(12, noticeHeight/2-5, 22, noticeHeight/2+5), alarm())
	if _, err := c.text(34, 23, bold, name); err != nil {
		return err
	}
	if _, err := c.text(34+a, 23, plain, does+since); err != nil {
		return err
	}
	if err := c.button(n.stop, "Stop", alarm(), paper(), false); err != nil {
		return err
	}
	if err := n.show(c); err != nil {
		return err
	}
	again := time.NewTicker(placing)
	defer again.Stop()
	for {
		e, timeout, err := n.wait(ctx, again.C)
		if err != nil {
			return err
		}
		if timeout {
			n.place()
			continue
		}
		if err := n.tend(e); err != nil {
			return err
		}
		if n.stopped(e) {
			return screen.ErrStopped
		}
	}
}

// stopped reports whether the button was pressed and let go; elsewhere the
// pointer drags the notice out of the way.
func (n *notice) stopped(e event) bool {
	switch e := e.Event.(type) {
	case xproto.ButtonPressEvent:
		n.pressed = e.Detail == 1 && n.at(e.EventX, e.EventY).In(n.stop)
		n.dragged = e.Detail == 1 && !n.pressed
		n.grip = image.Pt(int(e.EventX), int(e.EventY))
	case xproto.MotionNotifyEvent:
		if n.dragged {
			to := image.Pt(int(e.RootX), int(e.RootY)).Sub(n.grip)
			to.X = min(max(to.X, 0), max(int(n.screen.WidthInPixels)-n.bounds.Dx(), 0))
			to.Y = min(max(to.Y, 0), max(int(n.screen.HeightInPixels)-n.bounds.Dy(), 0))
			n.move(to)
		}
	case xproto.ButtonReleaseEvent:
		if n.pressed && n.at(e.EventX, e.EventY).In(n.stop) {
			return true
		}
		n.pressed, n.dragged = false, false
	}
	return false
}
