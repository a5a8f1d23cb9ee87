//go:build linux

package x11

import (
	"context"
	"image"
	"slices"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen"
	"warren/session/screen/screentest"
	"warren/session/screen/tiles"
	"warren/session/sessiontest"
)

func report(b *testing.B, name string, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/"+name)
	b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "ms/"+name+"-p95")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkGrab takes pixels of a display of 1920 by 1080.
func BenchmarkGrab(b *testing.B) {
	s := startServer(b, "-screen", "0", "1920x1080x24")
	d := s.open(b)
	if _, err := d.Layout(); err != nil {
		b.Fatal(err)
	}
	measure := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			for range b.N {
				begun := time.Now()
				if err := f(); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(begun))
			}
			report(b, "median", times)
		})
	}
	grab := func(r image.Rectangle) func() error {
		return func() error {
			_, err := d.Grab(r)
			return err
		}
	}
	measure("all", grab(image.Rect(0, 0, 1920, 1080)))
	measure("256x256", grab(image.Rect(64, 64, 320, 320)))
	measure("damage", func() error {
		d.mu.Lock()
		d.damaged = true
		d.mu.Unlock()
		_, err := d.Damage()
		return err
	})
}

// seeing is a technician's session with a server, by loopback, DTLS and SCTP in
// between, whose first picture has come; seen tells the colour of one pixel
// with each frame.
func seeing(b *testing.B, s *server, verb string, pixel image.Point) (client *screentest.Client, seen <-chan uint32) {
	b.Helper()
	p := sessiontest.NewPair(b, kindOf(verb))
	payload, err := screen.Payload(&warrenv1.ScreenRequest{Display: s.name})
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	conn, err := p.Dial(b.Context(), verb, "", payload)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	painted, whole := make(chan uint32, 16), make(chan struct{}, 1)
	client = screentest.NewClient(conn.Stream(), screentest.Output{Painted: func(f tiles.Frame, picture *image.NRGBA) {
		c := picture.NRGBAAt(pixel.X, pixel.Y)
		select {
		case painted <- uint32(c.R)<<16 | uint32(c.G)<<8 | uint32(c.B):
		default:
		}
		if f.Flags&tiles.Complete != 0 {
			select {
			case whole <- struct{}{}:
			default:
			}
		}
	}})
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		_ = client.Run(ctx)
	}()
	b.Cleanup(func() {
		cancel()
		<-ran
		conn.Close()
	})
	<-whole
	b.Logf("the first picture was whole %v after the call", time.Since(begun))
	return client, painted
}

// BenchmarkGlass paints a number on a display of 1920 by 1080 and waits until
// a technician's picture has it.
func BenchmarkGlass(b *testing.B) {
	s := startServer(b, "-screen", "0", "1920x1080x24")
	s.storm(b, image.Pt(1920, 1080), time.Second)
	_, painted := seeing(b, s, screen.View, image.Pt(700, 510))
	var times []time.Duration
	for i := range b.N {
		time.Sleep(time.Duration(40+i*7%40) * time.Millisecond)
		colour := uint32(i+1) * 77777 & 0xffffff
		begun := time.Now()
		s.fill(b, image.Rect(640, 500, 1280, 532), colour)
		for got := range painted {
			if got == colour {
				break
			}
		}
		times = append(times, time.Since(begun))
	}
	report(b, "median", times)
}

// BenchmarkKey presses a key, upon which a program on the display paints, and
// waits until the technician's picture has that.
func BenchmarkKey(b *testing.B) {
	s := startServer(b, "-screen", "0", "1920x1080x24")
	const colours = 0x10203
	pressed := 0
	var gc xproto.Gcontext
	var window xproto.Window
	program, err := connect(b.Context(), s.place(b), func(l *link, e event) {
		if _, is := e.Event.(xproto.KeyPressEvent); is {
			pressed++
			xproto.ChangeGC(l.Conn, gc, xproto.GcForeground, []uint32{uint32(pressed) * colours})
			xproto.PolyFillRectangle(l.Conn, xproto.Drawable(window), gc, []xproto.Rectangle{{Width: 640, Height: 32}})
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { program.Close() })
	if window, err = xproto.NewWindowId(program.Conn); err != nil {
		b.Fatal(err)
	}
	if gc, err = xproto.NewGcontextId(program.Conn); err != nil {
		b.Fatal(err)
	}
	xproto.CreateWindow(program.Conn, 0, window, program.screen.Root, 640, 500, 640, 32, 0, xproto.WindowClassInputOutput, 0,
		xproto.CwBackPixel|xproto.CwOverrideRedirect|xproto.CwEventMask, []uint32{0, 1, xproto.EventMaskKeyPress})
	xproto.CreateGC(program.Conn, gc, xproto.Drawable(window), 0, nil)
	if err := xproto.MapWindowChecked(program.Conn, window).Check(); err != nil {
		b.Fatal(err)
	}
	if err := xproto.SetInputFocusChecked(program.Conn, xproto.InputFocusParent, window, xproto.TimeCurrentTime).Check(); err != nil {
		b.Fatal(err)
	}
	client, painted := seeing(b, s, screen.Control, image.Pt(700, 510))
	key := func(down bool) *warrenv1.ScreenInput {
		return &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Key{Key: &warrenv1.ScreenKey{Code: "KeyA", Key: "a", Down: down}}}
	}
	var times []time.Duration
	for i := range b.N {
		time.Sleep(time.Duration(60+i*7%60) * time.Millisecond)
		begun := time.Now()
		for _, down := range []bool{true, false} {
			if err := client.Input(b.Context(), key(down)); err != nil {
				b.Fatal(err)
			}
		}
		for got := range painted {
			if got == uint32(i+1)*colours&0xffffff {
				break
			}
		}
		times = append(times, time.Since(begun))
	}
	report(b, "median", times)
}
