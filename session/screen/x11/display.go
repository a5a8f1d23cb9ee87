//go:build linux

package x11

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"sync"

	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"

	"warren/session/screen"
	"warren/session/screen/tiles"
)

// The extensions' names in the protocol.
const (
	extDamage   = "DAMAGE"
	extFixes    = "XFIXES"
	extRandR    = "RANDR"
	extShm      = "MIT-SHM"
	extXwayland = "XWAYLAND"
)

// Desk opens the displays of this machine's X servers.
type Desk struct {
	rows  rows
	seats seats
}

// New makes the desk.
func New() *Desk { return &Desk{} }

// Display is a connection to one display, for one session. It implements
// screen.Display.
type Display struct {
	*link
	place  place
	all    []screen.Named // the machine's displays
	ended  func() bool    // stops the watch on the session's end
	root   xproto.Drawable
	damage damage.Damage
	region xfixes.Region
	limits []string
	memory *segment // nil: pixels come over the socket
	randr  bool     // of version 1.5 at least: monitors have names and bounds
	size   image.Point
	woken  chan struct{}
	rows   *rows // of notices
	seats  *seats

	mu sync.Mutex
	// What events told of since it was asked for last.
	damaged, moved, changed bool
}

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

// openPlace connects to a display and asks for what a session needs.
func openPlace(ctx context.Context, p place) (_ *Display, err error) {
	d := &Display{place: p, rows: &rows{}, seats: &seats{}, woken: make(chan struct{}, 1)}
	if d.link, err = connect(ctx, p, d.handle); err != nil {
		return nil, err
	}
	d.ended = context.AfterFunc(ctx, func() { d.raw.Close() })
	if err = d.begin(); err != nil {
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
		return &screen.Unavailable{Why: fmt.Sprintf("the display has %d bits a pixel in an order that is not supported", d.screen.RootDepth), Try: "24 bits a pixel"}
	}
	for _, name := range []string{extDamage, extFixes} {
		if err := d.extension(name); err != nil {
			return &screen.Unavailable{Why: "the X server has no " + name + " extension, so nobody tells what is painted"}
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
			return randr.SelectInputChecked(d.Conn, d.screen.Root, randr.NotifyMaskScreenChange|randr.NotifyMaskCrtcChange).Check()
		})
		if err != nil {
			return err
		}
	} else {
		d.limits = append(d.limits, "the display cannot be fitted to the viewer: its server has no RandR")
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
	var out screen.Layout
	err := d.ask(func() error {
		damage.Subtract(d.Conn, d.damage, 0, 0)
		g, err := xproto.GetGeometry(d.Conn, d.root).Reply()
		if err != nil {
			return err
		}
		d.size = image.Pt(int(g.Width), int(g.Height))
		if d.size.X > tiles.MaxSide || d.size.Y > tiles.MaxSide || d.size.X*d.size.Y > tiles.MaxPixels {
			return &screen.Unavailable{Why: fmt.Sprintf("the display has %d by %d pixels, more than is supported", d.size.X, d.size.Y)}
		}
		out.Monitors, err = d.monitors()
		return err
	})
	out.Size, out.Limits, out.Displays = d.size, d.limits, d.all
	return out, err
}

// Damage implements screen.Source.
func (d *Display) Damage() (out []image.Rectangle, err error) {
	d.mu.Lock()
	changed := d.changed
	d.mu.Unlock()
	select {
	case <-d.done:
		return nil, screen.ErrGone
	default:
	}
	if changed {
		return nil, screen.ErrChanged
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
		all := image.Rectangle{Max: d.size}
		for _, x := range r.Rectangles {
			if v := rectangle(x.X, x.Y, x.Width, x.Height).Intersect(all); !v.Empty() {
				out = append(out, v)
			}
		}
		return nil
	})
	return out, err
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

// monitors asks the server for its monitors; a display without any is one.
func (d *Display) monitors() (out []screen.Monitor, err error) {
	whole := image.Rectangle{Max: d.size}
	add := func(name string, r image.Rectangle, primary bool) {
		if r = r.Intersect(whole); !r.Empty() && len(out) < maxMonitors {
			out = append(out, screen.Monitor{Name: name, Bounds: r, Primary: primary})
		}
	}
	if d.randr {
		all, err := d.getMonitors()
		if err != nil {
			return nil, err
		}
		for _, m := range all[:min(len(all), maxMonitors)] { // each name is a question
			add(d.atom(m.name), m.bounds, m.primary)
		}
	}
	if len(out) == 0 {
		add("screen", whole, true)
	}
	return out, nil
}

// maxMonitors is package screen's bound.
const maxMonitors = 64

// maxName bounds a monitor's name, in bytes: any program may give it one.
const maxName = 64

func (d *Display) atom(a xproto.Atom) string {
	r, err := xproto.GetAtomName(d.Conn, a).Reply()
	if err != nil {
		return "monitor"
	}
	return strings.ToValidUTF8(r.Name[:min(len(r.Name), maxName)], "")
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
		d.limits = append(d.limits, "pictures are taken slowly: the X server cannot reach this node's memory")
	}
}
