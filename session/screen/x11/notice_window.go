//go:build linux

package x11

import (
	"context"
	"errors"
	"image"
	"time"

	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
)

// window is one of ours on a display, above all others, with a connection of
// its own. It is not managed by a window manager, for there may be none.
type window struct {
	*link
	id     xproto.Window
	gc     xproto.Gcontext
	bounds image.Rectangle
	scale  int
	events chan event // of the server; what does not fit is lost
	picture
	raised []time.Time
	undone int // how often it was hidden
}

// picture is what the window shows.
type picture struct {
	size   image.Point
	pixels []byte
}

// sized is how a display's size changes what is drawn.
func sized(l *link) int {
	if l.screen.HeightInPixels >= 1800 {
		return 2
	}
	return 1
}

// openWindow makes a window of a size in units, placed by where.
func (d *Display) openWindow(ctx context.Context, size image.Point, where func(monitor image.Rectangle, size image.Point) image.Point) (w *window, err error) {
	w = &window{events: make(chan event, 64)}
	if w.link, err = connect(ctx, d.place, w.handle); err != nil {
		return nil, err
	}
	w.scale = sized(w.link)
	size = size.Mul(w.scale)
	err = w.ask(func() error {
		m, err := w.primary()
		if err != nil {
			return err
		}
		w.bounds = image.Rectangle{Max: size}.Add(where(m, size))
		if w.id, err = xproto.NewWindowId(w.Conn); err != nil {
			return err
		}
		if w.gc, err = xproto.NewGcontextId(w.Conn); err != nil {
			return err
		}
		const events = xproto.EventMaskExposure | xproto.EventMaskButtonPress | xproto.EventMaskButtonRelease |
			xproto.EventMaskButton1Motion | xproto.EventMaskKeyPress | xproto.EventMaskVisibilityChange | xproto.EventMaskStructureNotify
		err = xproto.CreateWindowChecked(w.Conn, 0, w.id, w.screen.Root,
			int16(w.bounds.Min.X), int16(w.bounds.Min.Y), uint16(size.X), uint16(size.Y), 0, //nolint:gosec // on the display
			xproto.WindowClassInputOutput, 0, xproto.CwBackPixel|xproto.CwOverrideRedirect|xproto.CwEventMask,
			[]uint32{w.screen.WhitePixel, 1, events}).Check()
		if err != nil {
			return err
		}
		const name = "warren"
		xproto.ChangeProperty(w.Conn, xproto.PropModeReplace, w.id, xproto.AtomWmName, xproto.AtomString, 8, uint32(len(name)), []byte(name))
		xproto.CreateGC(w.Conn, w.gc, xproto.Drawable(w.id), 0, nil)
		return xproto.MapWindowChecked(w.Conn, w.id).Check()
	})
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// primary is the bounds of the monitor on which people are spoken to, as this
// connection is told: a Display's own is another goroutine's.
func (w *window) primary() (image.Rectangle, error) {
	g, err := xproto.GetGeometry(w.Conn, xproto.Drawable(w.screen.Root)).Reply()
	if err != nil {
		return image.Rectangle{}, err
	}
	all := image.Rect(0, 0, int(g.Width), int(g.Height))
	if w.extension(extRandR) != nil {
		return all, nil
	}
	m, err := w.getMonitors()
	if err != nil || len(m) == 0 { // of a version that has none
		return all, nil //nolint:nilerr // the whole display will do
	}
	best := m[0]
	for _, one := range m {
		if one.primary {
			best = one
		}
	}
	if r := best.bounds.Intersect(all); !r.Empty() {
		return r, nil
	}
	return all, nil
}

// handle passes events on.
func (w *window) handle(_ *link, e event) {
	select {
	case w.events <- e:
	default:
	}
}

// show paints a picture of the window's size.
func (w *window) show(c *canvas) error {
	w.picture = picture{c.Rect.Size(), c.pixels()}
	return w.ask(w.paint)
}

// paint sends the picture, in as many requests as the server wants.
func (w *window) paint() error {
	if w.size == (image.Point{}) {
		return nil
	}
	row := 4 * w.size.X
	most := max((int(xproto.Setup(w.Conn).MaximumRequestLength)*4-32)/row, 1)
	for y := 0; y < w.size.Y; y += most {
		n := min(most, w.size.Y-y)
		xproto.PutImage(w.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(w.id), w.gc, uint16(w.size.X), uint16(n), //nolint:gosec // a window's size
			0, int16(y), 0, w.screen.RootDepth, w.pixels[y*row:(y+n)*row]) //nolint:gosec // a window's size
	}
	_, err := xproto.GetInputFocus(w.Conn).Reply()
	return err
}

// raising bounds how often the window climbs over others: a screen lock does
// the same.
const raising = 6

// errHidden is a window that another program keeps from being seen.
var errHidden = errors.New("another program of the display takes the window away")

// tend does what any window does with an event, and undoes what other programs
// do to it: whoever is watched has to see so.
func (w *window) tend(e event) error {
	switch e := e.Event.(type) {
	case xproto.ExposeEvent:
		return w.ask(w.paint)
	case xproto.DestroyNotifyEvent:
		return errHidden
	case xproto.UnmapNotifyEvent:
		if w.undone++; w.undone > mostUndone {
			return errHidden
		}
		w.place()
	case xproto.VisibilityNotifyEvent:
		if e.State == xproto.VisibilityUnobscured {
			return nil
		}
		now := time.Now()
		for len(w.raised) > 0 && now.Sub(w.raised[0]) > time.Minute {
			w.raised = w.raised[1:]
		}
		if len(w.raised) < raising {
			w.raised = append(w.raised, now)
			w.raise()
		}
	}
	return nil
}

const (
	// mostUndone bounds how often another program may hide the window.
	mostUndone = 20
	// placing is how often the window is put back where it should be, above all
	// others, whatever was done to it.
	placing = 5 * time.Second
)

func (w *window) raise() {
	xproto.ConfigureWindow(w.Conn, w.id, xproto.ConfigWindowStackMode, []uint32{xproto.StackModeAbove})
}

// move puts the window elsewhere.
func (w *window) move(to image.Point) {
	w.bounds = w.bounds.Add(to.Sub(w.bounds.Min))
	w.place()
}

// place has the window where it should be, as large as it should be, in sight.
func (w *window) place() {
	xproto.MapWindow(w.Conn, w.id)
	xproto.ConfigureWindow(w.Conn, w.id, xproto.ConfigWindowX|xproto.ConfigWindowY|xproto.ConfigWindowWidth|xproto.ConfigWindowHeight, []uint32{
		uint32(int32(w.bounds.Min.X)), uint32(int32(w.bounds.Min.Y)), uint32(w.bounds.Dx()), uint32(w.bounds.Dy()), //nolint:gosec // on the display
	})
	w.raise()
}

// at is a place in the window, in units.
func (w *window) at(x, y int16) image.Point { return image.Pt(int(x), int(y)).Div(w.scale) }

// wait gives the next event, or an error when ctx or the display has ended.
func (w *window) wait(ctx context.Context, until <-chan time.Time) (e event, timeout bool, err error) {
	select {
	case e = <-w.events:
		return e, false, nil
	case <-until:
		return event{}, true, nil
	case <-ctx.Done():
		return event{}, false, context.Cause(ctx)
	case <-w.done:
		if ctx.Err() != nil { // which ends the connection, too
			return event{}, false, context.Cause(ctx)
		}
		return event{}, false, screen.ErrGone
	}
}
