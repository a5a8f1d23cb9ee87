//go:build linux

package x11

import (
	"context"
	"image"
	"slices"
	"testing"
	"time"

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

// BenchmarkGlass paints a number on a display of 1920 by 1080 and waits until
// a technician's picture has it: by a session on loopback, DTLS and SCTP in
// between.
func BenchmarkGlass(b *testing.B) {
	s := startServer(b, "-screen", "0", "1920x1080x24")
	p := sessiontest.NewPair(b, kindOf(screen.View))
	payload, err := screen.Payload(&warrenv1.ScreenRequest{Display: s.name})
	if err != nil {
		b.Fatal(err)
	}
	s.storm(b, image.Pt(1920, 1080), time.Second)
	begun := time.Now()
	conn, err := p.Dial(b.Context(), screen.View, "", payload)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(b.Context())
	painted, whole := make(chan uint32, 16), make(chan struct{}, 1)
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		_ = screentest.NewClient(conn.Stream(), screentest.Output{Painted: func(f tiles.Frame, picture *image.NRGBA) {
			c := picture.NRGBAAt(700, 510)
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
		}}).Run(ctx)
	}()
	<-whole
	b.Logf("the first picture was whole %v after the call", time.Since(begun))
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
	cancel()
	<-ran
}
