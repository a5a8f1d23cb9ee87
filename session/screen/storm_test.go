package screen_test

import (
	"encoding/binary"
	"image"
	"slices"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen"
	"warren/session/screen/screentest"
	"warren/session/sessiontest"
)

// during calls f every millisecond for a while.
func during(d time.Duration, f func(n int)) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for n := 0; time.Since(began) < d; n++ {
		f(n)
		<-tick.C
	}
}

// TestStormOfShapes: a program that gives the pointer a new shape each
// millisecond takes the picture no more of the way than one that is animated.
func TestStormOfShapes(t *testing.T) {
	sessiontest.NoLeaks(t)
	desk := screentest.New(image.Pt(300, 200))
	l := look(t, kindOf(desk, screen.View), ask(t, screen.View, &warrenv1.ScreenRequest{}))
	l.sees(t, desk, image.Rect(0, 0, 300, 200))
	shape := slices.Repeat([]byte{1, 2, 3, 255}, 50*50)
	last := uint32(0)
	during(time.Second, func(n int) {
		last = uint32(n + 1) //nolint:gosec // some thousand
		rgba := slices.Clone(shape)
		binary.LittleEndian.PutUint32(rgba, last|0xff000000)
		desk.Point(image.Pt(1, 1), screen.Cursor{ID: last, Size: image.Pt(50, 50), RGBA: rgba})
	})
	l.until(t, "the last shape", func() bool {
		return has(l.events, func(e *warrenv1.ScreenEvent) bool { return e.GetCursor().GetId() == last })
	})
	bytes := 0
	l.mu.Lock()
	for _, e := range l.events {
		bytes += len(e.GetCursor().GetRgba())
	}
	l.mu.Unlock()
	if bytes > 200_000 {
		t.Errorf("shapes of %d bytes in a second", bytes)
	}
	l.stream.Close()
	_ = l.ended(t)
}

// TestStormOfMonitors: who may only look, and looks now at one monitor and now at
// another without end, has the device make room for picture after picture no
// more often than a display that changes. The last wish counts.
func TestStormOfMonitors(t *testing.T) {
	sessiontest.NoLeaks(t)
	desk := screentest.New(image.Pt(300, 200))
	l := look(t, kindOf(desk, screen.View), ask(t, screen.View, &warrenv1.ScreenRequest{}))
	l.sees(t, desk, image.Rect(0, 0, 300, 200))
	wish := func(monitor uint32) {
		in := &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_View{View: &warrenv1.ScreenView{Monitor: monitor}}}
		if err := l.Input(t.Context(), in); err != nil {
			t.Error(err)
		}
	}
	during(2*time.Second, func(n int) { wish(uint32(n % 2)) }) //nolint:gosec // 0 or 1
	wish(0)
	time.Sleep(50 * time.Millisecond)
	wish(1)
	begun, last := 0, uint32(0)
	l.until(t, "the last wish", func() bool {
		begun = 0
		for _, e := range l.events {
			if r := e.GetReady(); r != nil {
				begun, last = begun+1, r.GetMonitor()
			}
		}
		return last == 1
	})
	if begun > 45 {
		t.Errorf("%d pictures were begun in two seconds", begun)
	}
	time.Sleep(500 * time.Millisecond)
	l.until(t, "that it stays", func() bool { return last == 1 })
	l.stream.Close()
	_ = l.ended(t)
}

// TestStormOfSizes: a program that changes the display's size without end has
// neither side make room for picture after picture.
func TestStormOfSizes(t *testing.T) {
	sessiontest.NoLeaks(t)
	desk := screentest.New(image.Pt(300, 200))
	l := look(t, kindOf(desk, screen.View), ask(t, screen.View, &warrenv1.ScreenRequest{}))
	l.sees(t, desk, image.Rect(0, 0, 300, 200))
	during(2*time.Second, func(n int) { desk.Resize(image.Pt(200+n%50, 100)) })
	desk.Resize(image.Pt(123, 45))
	desk.Paint(image.Rect(0, 0, 123, 45), func(x, y int) uint32 { return uint32(x * y) }) //nolint:gosec // small
	l.sees(t, desk, image.Rect(0, 0, 123, 45))
	l.mu.Lock()
	n := 0
	for _, e := range l.events {
		if e.GetReady() != nil {
			n++
		}
	}
	l.mu.Unlock()
	if n > 40 {
		t.Errorf("%d pictures were begun in two seconds", n)
	}
	l.stream.Close()
	_ = l.ended(t)
}
