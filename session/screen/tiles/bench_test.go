package tiles_test

import (
	"image"
	"slices"
	"testing"
	"time"
)

// BenchmarkFrames packs what a desktop of 1920 by 1080 does at 30 frames a
// second: text that scrolls in a terminal of 1200 by 760, typing, a window that
// is dragged, a picture of 640 by 360 that moves.
func BenchmarkFrames(b *testing.B) {
	terminal := image.Rect(100, 100, 1300, 860)
	for _, phase := range []struct {
		name string
		do   func(v *viewer, i int) image.Rectangle
	}{
		{"scroll", func(v *viewer, _ int) image.Rectangle {
			v.scroll(terminal, -13)
			return terminal
		}},
		{"type", func(v *viewer, i int) image.Rectangle {
			r := image.Rect(106+6*(i%190), 490, 112+6*(i%190), 503)
			v.line(r, r.Min.Y)
			return r
		}},
		{"drag", func(v *viewer, i int) image.Rectangle {
			was := image.Rect(600, 300, 1000, 600).Add(image.Pt(8*(i%40), 3*(i%40)))
			now := image.Rect(600, 300, 1000, 600).Add(image.Pt(8*((i+1)%40), 3*((i+1)%40)))
			v.copy(was, now.Min)
			return was.Union(now)
		}},
		{"picture", func(v *viewer, i int) image.Rectangle {
			r := image.Rect(200, 200, 840, 560)
			v.paint(r, func(x, y int) uint32 {
				return uint32((x*x+i*y)/97)&0xff<<16 | uint32((y*y+i*x)/89)&0xff<<8 | uint32(x*y/(61+i))&0xff
			})
			return r
		}},
	} {
		b.Run(phase.name, func(b *testing.B) {
			v := newViewer(b, newDesktop(1920, 1080))
			v.paint(v.all(), func(x, y int) uint32 { return uint32(0x204060 + y/8) })
			v.text(terminal)
			v.send(b, 8<<20, v.all())
			bytes, times := 0, []time.Duration(nil)
			for i := range b.N {
				r := phase.do(v, i)
				pixels := v.grab(r)
				begun := time.Now()
				v.encoder.Begin(8 << 20)
				v.encoder.Add(r, pixels)
				frame, _, err := v.encoder.Finish(0, true)
				if err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(begun))
				bytes += len(frame)
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/median")
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "ms/p95")
			b.ReportMetric(float64(bytes)*8*30/1000/float64(b.N), "kbit/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
