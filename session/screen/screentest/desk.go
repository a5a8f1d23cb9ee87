package screentest

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"sync"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/words"
)

// Desk is a display in memory. It implements screen.Desk.
type Desk struct {
	mu       sync.Mutex
	size     image.Point
	monitors []screen.Monitor
	displays []screen.Named
	pixels   []byte
	ended    bool
	pointer  image.Point
	cursor   screen.Cursor
	open     map[*display]bool
	inputs   []*warrenv1.ScreenInput
	closed   int // seats
	grabs    int
}

// New makes a black display with one monitor.
func New(size image.Point) *Desk {
	d := &Desk{open: map[*display]bool{}}
	d.Resize(size)
	return d
}

// Resize makes the display black and of another size; without monitors it has
// one.
func (d *Desk) Resize(size image.Point, monitors ...screen.Monitor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size, d.pixels, d.monitors = size, make([]byte, 4*size.X*size.Y), monitors
	if len(monitors) == 0 {
		d.monitors = []screen.Monitor{{Name: "test", Bounds: image.Rectangle{Max: size}, Primary: true}}
	}
	for o := range d.open {
		o.changed = true
		o.wake()
	}
}

// Paint sets the pixels of a rectangle, red, green and blue from the top down.
func (d *Desk) Paint(r image.Rectangle, colour func(x, y int) uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r = r.Intersect(image.Rectangle{Max: d.size})
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			binary.LittleEndian.PutUint32(d.pixels[4*(y*d.size.X+x):], colour(x, y)&0xffffff)
		}
	}
	for o := range d.open {
		o.damage = append(o.damage, r)
		o.wake()
	}
}

// Scroll moves what a rectangle shows down, or up where by is negative; what
// comes in is what was there.
func (d *Desk) Scroll(r image.Rectangle, by int) {
	d.mu.Lock()
	was := append([]byte(nil), d.pixels...)
	width := d.size.X
	d.mu.Unlock()
	d.Paint(r, func(x, y int) uint32 {
		if from := y - by; from >= r.Min.Y && from < r.Max.Y {
			y = from
		}
		return binary.LittleEndian.Uint32(was[4*(y*width+x):])
	})
}

// Equal tells whether a picture is what the display shows in a region.
func (d *Desk) Equal(picture *image.NRGBA, region image.Rectangle) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if picture.Rect.Size() != region.Size() || !region.In(image.Rectangle{Max: d.size}) {
		return false
	}
	for y := range region.Dy() {
		for x := range region.Dx() {
			p := d.pixels[4*((y+region.Min.Y)*d.size.X+x+region.Min.X):]
			if q := picture.NRGBAAt(x, y); q.R != p[2] || q.G != p[1] || q.B != p[0] || q.A != 255 {
				return false
			}
		}
	}
	return true
}

// Point moves the pointer, and gives it a shape.
func (d *Desk) Point(at image.Point, c screen.Cursor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pointer, d.cursor = at, c
	for o := range d.open {
		o.moved = true
		o.wake()
	}
}

// End is the display's.
func (d *Desk) End() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for o := range d.open {
		o.wake()
	}
}

// Has tells what displays the machine has.
func (d *Desk) Has(all ...screen.Named) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.displays = all
	for o := range d.open {
		o.others = true
		o.wake()
	}
}

// Inputs are what seats were given.
func (d *Desk) Inputs() []*warrenv1.ScreenInput {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*warrenv1.ScreenInput(nil), d.inputs...)
}

// Closed is how many seats were left.
func (d *Desk) Closed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// Grabs is how often pixels were taken.
func (d *Desk) Grabs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.grabs
}

// Connections are those open now.
func (d *Desk) Connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// Open implements screen.Desk.
func (d *Desk) Open(_ context.Context, want screen.Want) (screen.Display, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended || want.Display != "" && want.Display != ":7" {
		return nil, &screen.Unavailable{Said: words.OtherDisplays.Say(want.Display, ":7"), Displays: d.displays}
	}
	o := &display{desk: d, woken: make(chan struct{}, 1), moved: true}
	d.open[o] = true
	return o, nil
}

// display is a connection; its fields are guarded by the desk's mutex.
type display struct {
	desk                   *Desk
	woken                  chan struct{}
	damage                 []image.Rectangle
	moved, changed, others bool
}

func (o *display) wake() {
	select {
	case o.woken <- struct{}{}:
	default:
	}
}

func (o *display) Name() string           { return ":7" }
func (o *display) Owner() string          { return "kim" }
func (o *display) Woken() <-chan struct{} { return o.woken }

func (o *display) Layout() (screen.Layout, error) {
	o.desk.mu.Lock()
	defer o.desk.mu.Unlock()
	o.changed, o.damage = false, nil
	return screen.Layout{Size: o.desk.size, Monitors: o.desk.monitors, Displays: o.desk.displays}, nil
}

func (o *display) Displays() ([]screen.Named, bool) {
	o.desk.mu.Lock()
	defer o.desk.mu.Unlock()
	changed := o.others
	o.others = false
	return o.desk.displays, changed
}

// gone gives what ends a call, the desk's mutex held.
func (o *display) gone() error {
	switch {
	case o.desk.ended:
		return screen.ErrGone
	case o.changed:
		return screen.ErrChanged
	default:
		return nil
	}
}

func (o *display) Damage() ([]image.Rectangle, error) {
	o.desk.mu.Lock()
	defer o.desk.mu.Unlock()
	out := o.damage
	o.damage = nil
	return out, o.gone()
}

func (o *display) Grab(r image.Rectangle) (out []byte, err error) {
	o.desk.mu.Lock()
	defer o.desk.mu.Unlock()
	o.desk.grabs++
	if err := o.gone(); err != nil {
		return nil, err
	}
	if r.Empty() || !r.In(image.Rectangle{Max: o.desk.size}) || r.Dx()*r.Dy() > screen.MaxGrab {
		return nil, fmt.Errorf("grab of %v: %w", r, session.ErrInvalid)
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		at := 4 * (y*o.desk.size.X + r.Min.X)
		out = append(out, o.desk.pixels[at:at+4*r.Dx()]...)
	}
	return out, nil
}

func (o *display) Cursor() (screen.Cursor, bool, error) {
	o.desk.mu.Lock()
	defer o.desk.mu.Unlock()
	moved := o.moved
	o.moved = false
	return o.desk.cursor, moved, nil
}

func (o *display) Pointer() (image.Point, error) {
	o.desk.mu.Lock()
	defer o.desk.mu.Unlock()
	return o.desk.pointer, nil
}

func (o *display) Resize(size image.Point) error {
	if size.X > 4000 {
		return screen.Unable(words.RealMonitor.Say("DP-1"))
	}
	o.desk.Resize(size)
	return nil
}

func (o *display) Close() error {
	o.desk.mu.Lock()
	defer o.desk.mu.Unlock()
	delete(o.desk.open, o)
	return nil
}

func (o *display) Seat(context.Context, screen.SeatOptions) (screen.Seat, error) {
	return seat{o.desk}, nil
}

// seat notes what it is given.
type seat struct{ desk *Desk }

func (seat) Clipboard() (in, out bool) { return true, false }
func (seat) Look(image.Rectangle)      {}

func (s seat) Take(_ context.Context, in *warrenv1.ScreenInput) error {
	s.desk.mu.Lock()
	defer s.desk.mu.Unlock()
	s.desk.inputs = append(s.desk.inputs, in)
	if in.GetSpecial() == "impossible" {
		return screen.Unable(words.NoSpecial.Say(in.GetSpecial()))
	}
	return nil
}

func (s seat) Close() error {
	s.desk.mu.Lock()
	defer s.desk.mu.Unlock()
	s.desk.closed++
	return nil
}
