//go:build linux

package x11

import (
	"context"
	"image"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/codec"
	"warren/session/screen/screentest"
	"warren/session/screen/tiles"
	"warren/session/sessiontest"
)

// watching is a view session on a server, and what its technician sees.
type watching struct {
	*screentest.Client
	done chan error // of Serve
	stop context.CancelFunc

	mu      sync.Mutex
	ready   *warrenv1.ScreenReady
	picture *image.NRGBA
	whole   bool
	frames  int
	cursors int
}

func request(t testing.TB, verb string, r *warrenv1.ScreenRequest) session.Request {
	t.Helper()
	payload, err := screen.Payload(r)
	if err != nil {
		t.Fatal(err)
	}
	return session.Request{ID: session.NewID(), Verb: verb, Technician: "tess", Payload: payload}
}

func noVideo(context.Context, codec.Options) (screen.Coder, error) { return nil, codec.ErrMissing }

func kindOf(verb string) session.Kind {
	kinds := screen.Kinds(screen.Config{Desk: New(Config{}), Video: noVideo})
	return kinds[slices.IndexFunc(kinds, func(k session.Kind) bool { return k.Verb() == verb })]
}

func watch(t testing.TB, r *warrenv1.ScreenRequest) *watching {
	t.Helper()
	return watchAs(t, screen.View, r)
}

func watchAs(t testing.TB, verb string, r *warrenv1.ScreenRequest) *watching {
	t.Helper()
	technician, device, cut := sessiontest.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watching{done: make(chan error, 1), stop: cancel}
	w.Client = screentest.NewClient(technician, screentest.Output{
		Event: func(e *warrenv1.ScreenEvent) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if r := e.GetReady(); r != nil {
				w.ready, w.picture, w.whole = r, nil, false
			}
			if e.GetCursor() != nil {
				w.cursors++
			}
		},
		Painted: func(f tiles.Frame, p *image.NRGBA) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.frames++
			if w.whole = f.Flags&tiles.Complete != 0; w.whole {
				w.picture = &image.NRGBA{Pix: slices.Clone(p.Pix), Stride: p.Stride, Rect: p.Rect}
			}
		},
	})
	go func() {
		err := kindOf(verb).Serve(ctx, device, request(t, verb, r))
		device.Close()
		w.done <- err
	}()
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		cut()
		<-ran
	})
	return w
}

// until polls.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if f() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no %s after 20 s", what)
		}
	}
}

// sees waits until the technician's picture is what the server itself shows
// in a region: who is watched gets a notice there.
func (w *watching) sees(t testing.TB, s *server, region image.Rectangle) {
	t.Helper()
	w.seesPart(t, s, region, image.Rectangle{Max: region.Size()})
}

// seesPart is sees for a part of the picture.
func (w *watching) seesPart(t testing.TB, s *server, region, part image.Rectangle) {
	t.Helper()
	until(t, "equal picture", func() bool {
		want := s.pixels(t, part.Add(region.Min))
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.whole || w.picture == nil || w.picture.Rect.Size() != region.Size() {
			return false
		}
		for y := range part.Dy() {
			at := w.picture.PixOffset(part.Min.X, part.Min.Y+y)
			if !slices.Equal(w.picture.Pix[at:at+4*part.Dx()], want[4*part.Dx()*y:4*part.Dx()*(y+1)]) {
				return false
			}
		}
		return true
	})
}

// pixels asks the server for what it shows, over the socket.
func (s *server) pixels(t testing.TB, r image.Rectangle) []byte {
	t.Helper()
	p, err := xproto.GetImage(s.link.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(s.link.screen.Root),
		int16(r.Min.X), int16(r.Min.Y), uint16(r.Dx()), uint16(r.Dy()), ^uint32(0)).Reply()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(p.Data); i += 4 {
		p.Data[i], p.Data[i+2], p.Data[i+3] = p.Data[i+2], p.Data[i], 255
	}
	return p.Data
}

// storm paints all kinds of things for a while.
func (s *server) storm(t testing.TB, size image.Point, lasts time.Duration) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	root := xproto.Drawable(s.link.screen.Root)
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		for range 20 {
			x, y, w, h := int16(random.IntN(size.X)), int16(random.IntN(size.Y)), uint16(random.IntN(300)+1), uint16(random.IntN(200)+1)
			switch random.IntN(3) {
			case 0:
				xproto.ChangeGC(s.link.Conn, s.gc, xproto.GcForeground, []uint32{random.Uint32() & 0xffffff})
				xproto.PolyFillRectangle(s.link.Conn, root, s.gc, []xproto.Rectangle{{X: x, Y: y, Width: w, Height: h}})
			case 1:
				xproto.CopyArea(s.link.Conn, root, root, s.gc, x, y, int16(random.IntN(size.X)), int16(random.IntN(size.Y)), w, h)
			case 2:
				xproto.PolyLine(s.link.Conn, xproto.CoordModeOrigin, root, s.gc, []xproto.Point{{X: x, Y: y}, {X: int16(w), Y: int16(h)}})
			}
		}
		s.link.Sync()
	}
}
