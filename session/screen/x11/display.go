//go:build linux

package x11

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
	"warren/session/screen/tiles"
	"warren/session/screen/words"
)

// The extensions' names in the protocol.
const (
	extDamage   = "DAMAGE"
	extFixes    = "XFIXES"
	extRandR    = "RANDR"
	extShm      = "MIT-SHM"
	extXwayland = "XWAYLAND"
)

// openTime is how long a server that let us in may take over what a session needs.
const openTime = 5 * time.Second

// Display is a connection to one display, for one session. It implements
// screen.Display.
type Display struct {
	*link
	place  place
	owner  string
	ended  func() bool // stops the watch on the session's end
	root   xproto.Drawable
	damage damage.Damage
	region xfixes.Region
	limits []words.Sentence
	memory *segment // nil: pixels come over the socket
	randr  bool     // of version 1.5 at least: monitors have names and bounds
	size   image.Point
	shown  []screen.Monitor
	woken  chan struct{}
	rows   *rows // of notices
	seats  *seats

	mu sync.Mutex
	// What events told of since it was asked for last.
	damaged, moved, changed bool
	all                     []screen.Named // the machine's displays
	others                  bool           // they are others than were told
}

// openPlace connects to a display and asks for what a session needs.
func openPlace(ctx context.Context, p place) (_ *Display, err error) {
	d := &Display{place: p, rows: &rows{}, seats: &seats{}, woken: make(chan struct{}, 1)}
	if d.link, err = connect(ctx, p, d.handle); err != nil {
		return nil, err
	}
	d.owner = owner(d.raw, p.name, sessions()...)
	d.ended = context.AfterFunc(ctx, func() { d.raw.Close() })
	late := time.AfterFunc(openTime, func() { d.raw.Close() })
	if err = d.begin(); !late.Stop() {
		err = fmt.Errorf("the X server does not answer: %w", os.ErrDeadlineExceeded)
	}
	if err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("display %s: %w", p.name, err)
	}
	go func() { // ends with the connection
		<-d.done
		d.wake()
	}()
	return d, nil
}

// begin opens the extensions and asks for events.
func (d *Display) begin() error {
	d.root = xproto.Drawable(d.screen.Root)
	if d.extension(extXwayland) == nil {
		return errWayland()
	}
	if d.screen.RootDepth < 24 || d.pixel[d.screen.RootDepth] != 32 || d.order != xproto.ImageOrderLSBFirst || !d.trueColour() {
		return &screen.Unavailable{Said: words.Depth.Say(strconv.Itoa(int(d.screen.RootDepth)))}
	}
	for _, name := range []string{extDamage, extFixes} {
		if err := d.extension(name); err != nil {
			return &screen.Unavailable{Said: words.NoDamage.Say(name)}
		}
	}
	if err := d.ask(d.subscribe); err != nil {
		return err
	}
	if err := d.extension(extRandR); err == nil {
		err = d.ask(func() error {
			v, err := randr.QueryVersion(d.Conn, 1, 5).Reply()
			if err != nil {
				return err
			}
			d.randr = v.MajorVersion > 1 || v.MinorVersion >= 5
			if rootless, err := d.rootless(); err != nil || rootless {
				return errors.Join(err, errWayland())
			}
			return randr.SelectInputChecked(d.Conn, d.screen.Root, randr.NotifyMaskScreenChange|randr.NotifyMaskCrtcChange).Check()
		})
		if err != nil {
			return err
		}
	} else {
		d.limits = append(d.limits, words.NoResize.Say())
	}
	d.openMemory()
	return nil
}

// trueColour tells that a pixel's bytes are blue, green, red.
func (d *Display) trueColour() bool {
	for _, depth := range d.screen.AllowedDepths {
		for _, v := range depth.Visuals {
			if v.VisualId == d.screen.RootVisual {
				return v.RedMask == 0xff0000 && v.GreenMask == 0xff00 && v.BlueMask == 0xff
			}
		}
	}
	return false
}

func (d *Display) subscribe() error {
	if _, err := damage.QueryVersion(d.Conn, 1, 1).Reply(); err != nil {
		return err
	}
	if _, err := xfixes.QueryVersion(d.Conn, 5, 0).Reply(); err != nil {
		return err
	}
	id, err := damage.NewDamageId(d.Conn)
	if err != nil {
		return err
	}
	region, err := xfixes.NewRegionId(d.Conn)
	if err != nil {
		return err
	}
	d.damage, d.region = id, region
	if err := xfixes.CreateRegionChecked(d.Conn, region, nil).Check(); err != nil {
		return err
	}
	if err := damage.CreateChecked(d.Conn, id, d.root, damage.ReportLevelNonEmpty).Check(); err != nil {
		return err
	}
	if err := xfixes.SelectCursorInputChecked(d.Conn, d.screen.Root, xfixes.CursorNotifyMaskDisplayCursor).Check(); err != nil {
		return err
	}
	d.moved = true
	return xproto.ChangeWindowAttributesChecked(d.Conn, d.screen.Root, xproto.CwEventMask, []uint32{xproto.EventMaskStructureNotify}).Check()
}

// handle notes what an event tells.
func (d *Display) handle(l *link, e event) {
	var note *bool
	switch {
	case l.is(e, extDamage, damage.Notify):
		note = &d.damaged
	case l.is(e, extFixes, xfixes.CursorNotify):
		note = &d.moved
	case e.number == xproto.ConfigureNotify, l.is(e, extRandR, randr.ScreenChangeNotify), l.is(e, extRandR, randr.Notify):
		note = &d.changed
	default:
		return
	}
	d.mu.Lock()
	*note = true
	d.mu.Unlock()
	d.wake()
}

func (d *Display) wake() {
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

// take gives a note of an event and forgets it.
func (d *Display) take(note *bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := *note
	*note = false
	return was
}

// Name implements screen.Source.
func (d *Display) Name() string { return d.place.name }

// Owner implements screen.Source.
func (d *Display) Owner() string { return d.owner }

// Woken implements screen.Source.
func (d *Display) Woken() <-chan struct{} { return d.woken }

// Close implements screen.Display.
func (d *Display) Close() error {
	d.ended()
	err := d.link.Close()
	d.memory.free()
	return err
}

// Layout implements screen.Source.
func (d *Display) Layout() (screen.Layout, error) {
	d.take(&d.changed)
	d.take(&d.damaged)
	err := d.ask(func() error {
		damage.Subtract(d.Conn, d.damage, 0, 0)
		size, monitors, err := d.arrangement()
		if err != nil {
			return err
		}
		if size.X > tiles.MaxSide || size.Y > tiles.MaxSide || size.X*size.Y > tiles.MaxPixels {
			return &screen.Unavailable{Said: words.TooLarge.Say(strconv.Itoa(size.X), strconv.Itoa(size.Y))}
		}
		d.size, d.shown = size, monitors
		return nil
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	return screen.Layout{Size: d.size, Monitors: d.shown, Limits: d.limits, Displays: d.all}, err
}

// arrangement asks for the display's size and monitors.
func (d *Display) arrangement() (size image.Point, monitors []screen.Monitor, err error) {
	g, err := xproto.GetGeometry(d.Conn, d.root).Reply()
	if err != nil {
		return size, nil, err
	}
	size = image.Pt(int(g.Width), int(g.Height))
	monitors, err = d.monitors(size)
	return size, monitors, err
}

// other tells whether the display is another than Layout said last. Servers
// tell of changes that are none, and of some that Layout knows already.
func (d *Display) other() (other bool, err error) {
	if !d.take(&d.changed) {
		return false, nil
	}
	err = d.ask(func() error {
		size, monitors, err := d.arrangement()
		other = size != d.size || !slices.Equal(monitors, d.shown)
		return err
	})
	if other { // until Layout is asked
		d.mu.Lock()
		d.changed = true
		d.mu.Unlock()
	}
	return other, err
}

// Damage implements screen.Source.
func (d *Display) Damage() (out []image.Rectangle, err error) {
	select {
	case <-d.done:
		return nil, screen.ErrGone
	default:
	}
	other, err := d.other()
	if other {
		err = screen.ErrChanged
	}
	if err != nil {
		return nil, err
	}
	if !d.take(&d.damaged) {
		return nil, nil
	}
	err = d.ask(func() error {
		damage.Subtract(d.Conn, d.damage, 0, d.region)
		r, err := xfixes.FetchRegion(d.Conn, d.region).Reply()
		if err != nil {
			return err
		}
		out = within(r.Rectangles, d.size)
		return nil
	})
	return out, err
}

// mostDamage bounds the rectangles that are looked at one by one: a million of
// them, each all of a display, take seconds, which nothing interrupts.
const mostDamage = 4 << 10

// within are the parts of rectangles on a display of a size, or all of it where
// they are too many.
func within(all []xproto.Rectangle, size image.Point) (out []image.Rectangle) {
	whole := image.Rectangle{Max: size}
	if len(all) > mostDamage {
		return []image.Rectangle{whole}
	}
	for _, x := range all {
		if v := rectangle(x.X, x.Y, x.Width, x.Height).Intersect(whole); !v.Empty() {
			out = append(out, v)
		}
	}
	return out
}

func rectangle(x, y int16, w, h uint16) image.Rectangle {
	return image.Rect(int(x), int(y), int(x)+int(w), int(y)+int(h))
}

// Pointer implements screen.Source.
func (d *Display) Pointer() (at image.Point, err error) {
	err = d.ask(func() error {
		p, err := xproto.QueryPointer(d.Conn, d.screen.Root).Reply()
		if err == nil {
			at = image.Pt(int(p.RootX), int(p.RootY))
		}
		return err
	})
	return at, err
}

// Cursor implements screen.Source.
func (d *Display) Cursor() (c screen.Cursor, changed bool, err error) {
	if !d.take(&d.moved) {
		return c, false, nil
	}
	err = d.ask(func() error {
		r, err := d.getCursor()
		if err != nil {
			return err
		}
		c = screen.Cursor{ID: r.serial, Size: r.size, Hot: r.hot, RGBA: straight(r.argb)}
		return nil
	})
	return c, err == nil, err
}

// straight takes the alpha out of a cursor's colours.
func straight(argb []uint32) []byte {
	out := make([]byte, 0, 4*len(argb))
	for _, p := range argb {
		a := p >> 24
		for _, c := range []uint32{p >> 16 & 0xff, p >> 8 & 0xff, p & 0xff} {
			if a != 0 {
				c = min(c*255/a, 255)
			}
			out = append(out, byte(c)) //nolint:gosec // below 256
		}
		out = append(out, byte(a)) //nolint:gosec // below 256
	}
	return out
}

// openMemory tries shared memory.
func (d *Display) openMemory() {
	err := d.extension(extShm)
	if err == nil {
		err = d.ask(func() error {
			_, err := shm.QueryVersion(d.Conn).Reply()
			return err
		})
	}
	if err == nil {
		d.memory, err = d.share(4 * screen.MaxGrab)
	}
	if err != nil {
		d.memory = nil
		d.limits = append(d.limits, words.SlowPictures.Say())
	}
}
