//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// The pattern: a number of 16 bits in blocks, then its complement, so that what
// is half painted, or no pattern, is told from one.
const (
	blocks     = 32
	blockWidth = 20
	tall       = 32
)

// painter is a client of the X server that shows numbers.
type painter struct {
	x      *xgb.Conn
	root   xproto.Window
	window xproto.Window
	back   xproto.Pixmap
	black  xproto.Gcontext
	white  xproto.Gcontext
	draw   xproto.Gcontext

	mu      sync.Mutex
	number  uint16
	painted map[uint16]time.Time
	onKey   bool // keys paint the next number
}

func newPainter(display string) (*painter, error) {
	x, err := xgb.NewConnDisplay(display)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", display, err)
	}
	screen := xproto.Setup(x).DefaultScreen(x)
	p := &painter{x: x, root: screen.Root, painted: map[uint16]time.Time{}}
	ids := make([]uint32, 5)
	for i := range ids {
		if ids[i], err = x.NewId(); err != nil {
			return nil, err
		}
	}
	p.window, p.back = xproto.Window(ids[0]), xproto.Pixmap(ids[1])
	p.black, p.white, p.draw = xproto.Gcontext(ids[2]), xproto.Gcontext(ids[3]), xproto.Gcontext(ids[4])
	for _, c := range []func() error{
		func() error {
			return xproto.CreateWindowChecked(x, screen.RootDepth, p.window, p.root, 0, 0, blocks*blockWidth, tall, 0,
				xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel|xproto.CwOverrideRedirect|xproto.CwEventMask,
				[]uint32{screen.BlackPixel, 1, xproto.EventMaskKeyPress}).Check()
		},
		func() error {
			return xproto.CreatePixmapChecked(x, screen.RootDepth, p.back, xproto.Drawable(p.root), blocks*blockWidth, tall).Check()
		},
		func() error {
			return xproto.CreateGCChecked(x, p.black, xproto.Drawable(p.root), xproto.GcForeground, []uint32{0}).Check()
		},
		func() error {
			return xproto.CreateGCChecked(x, p.white, xproto.Drawable(p.root), xproto.GcForeground, []uint32{0xffffff}).Check()
		},
		func() error { return xproto.CreateGCChecked(x, p.draw, xproto.Drawable(p.root), 0, nil).Check() },
		func() error {
			return xproto.ChangeWindowAttributesChecked(x, p.root, xproto.CwBackPixel, []uint32{0x335577}).Check()
		},
		func() error { return xproto.ClearAreaChecked(x, false, p.root, 0, 0, 0, 0).Check() },
		func() error { return xproto.MapWindowChecked(x, p.window).Check() },
	} {
		if err := c(); err != nil {
			return nil, fmt.Errorf("set up the painter: %w", err)
		}
	}
	p.prepare()
	go p.keys() // ends with the connection
	return p, nil
}

func (p *painter) close() { p.x.Close() }

func (p *painter) keys() {
	for {
		e, err := p.x.WaitForEvent()
		if e == nil && err == nil {
			return
		}
		if _, ok := e.(xproto.KeyPressEvent); ok {
			p.mu.Lock()
			next := p.onKey
			p.mu.Unlock()
			if next {
				p.next()
			}
		}
	}
}

// listen makes keys paint, or stop doing so.
func (p *painter) listen(on bool) {
	p.mu.Lock()
	p.onKey = on
	p.mu.Unlock()
	if on {
		xproto.SetInputFocus(p.x, xproto.InputFocusParent, p.window, xproto.TimeCurrentTime)
	}
}

// next paints the next number, above all else, by one request, and notes when.
func (p *painter) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number++
	xproto.ConfigureWindow(p.x, p.window, xproto.ConfigWindowStackMode, []uint32{xproto.StackModeAbove})
	p.painted[p.number] = time.Now()
	xproto.CopyArea(p.x, xproto.Drawable(p.back), xproto.Drawable(p.window), p.draw, 0, 0, 0, 0, blocks*blockWidth, tall)
	p.prepare()
}

// prepare has the number after this one ready: making it is no part of what is
// measured.
func (p *painter) prepare() {
	number := p.number + 1
	bits := uint32(number)<<16 | uint32(^number)
	var dark, light []xproto.Rectangle
	for i := range blocks {
		r := xproto.Rectangle{X: int16(i * blockWidth), Width: blockWidth, Height: tall} //nolint:gosec // within a screen
		if bits>>(blocks-1-i)&1 == 1 {
			light = append(light, r)
		} else {
			dark = append(dark, r)
		}
	}
	xproto.PolyFillRectangle(p.x, xproto.Drawable(p.back), p.black, dark)
	xproto.PolyFillRectangle(p.x, xproto.Drawable(p.back), p.white, light)
}

const (
	// browserFrame is the time from one of the browser's frames to the next.
	browserFrame = time.Second / 60
	// phases is in how many parts of a frame as many numbers are painted.
	phases = 20
)

// ticks paints numbers until stop is closed, at random intervals of 40 to 73 ms
// and at all phases of the browser's frames alike.
func (p *painter) ticks(stop <-chan struct{}) {
	began := time.Now()
	at, parts := time.Duration(0), []int{}
	for {
		p.next()
		if len(parts) == 0 {
			parts = rand.Perm(phases)
		}
		phase := time.Duration((float64(parts[0]) + rand.Float64()) / phases * float64(browserFrame))
		parts = parts[1:]
		at += 40 * time.Millisecond
		at += (phase - at%browserFrame + browserFrame) % browserFrame
		at += time.Duration(rand.IntN(2)) * browserFrame
		select {
		case <-stop:
			return
		case <-time.After(time.Until(began.Add(at))):
		}
	}
}

// when a number was painted.
func (p *painter) when(number uint16) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.painted[number]
	return t, ok
}

// forget begins the notes anew; numbers go on.
func (p *painter) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.painted)
}

func (p *painter) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.painted)
}
