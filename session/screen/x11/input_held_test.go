//go:build linux

package x11

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/words"
)

// buttonDown tells that the left button is.
func (s *server) buttonDown(t *testing.T) bool {
	t.Helper()
	p, err := xproto.QueryPointer(s.link.Conn, s.link.screen.Root).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return p.Mask&xproto.KeyButMaskButton1 != 0
}

// holds tells that Shift and the left button are down.
func (s *server) holds(t *testing.T) bool {
	t.Helper()
	return s.down(t) == 1 && s.buttonDown(t)
}

func (y typist) held() {
	y.Helper()
	y.give(&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Held{Held: &warrenv1.ScreenHeld{}}})
}

// TestSilentViewer: Shift and a button, which nothing repeats, come up when a
// viewer falls silent that said that it held them; not before, and not of one
// that never says so. Who comes back finds Shift where it holds it, and presses
// a button by pressing it.
func TestSilentViewer(t *testing.T) {
	t.Parallel()
	start := func() (*server, typist) {
		s := startServer(t, "-screen", "0", "640x480x24")
		y := s.sit(t, session.Rights{}, nil)
		y.key("ShiftLeft", "Shift", true, 1)
		y.pointer(10, 10, 1)
		return s, y
	}
	old, _ := start()
	s, y := start()
	fell := time.Now()
	y.held()
	time.Sleep(lapse - time.Second) // as long as a wire's outage of two seconds
	if !s.holds(t) {
		t.Fatal("an outage of the wire takes the button out of the hand")
	}
	s.atRest(t)
	if took := time.Since(fell); took < lapse {
		t.Errorf("it is let go after %s", took)
	}
	if !old.holds(t) {
		t.Error("a viewer that never says that it holds something is not waited for")
	}

	y.held()
	y.pointer(200, 200, 1)
	if s.down(t) != 0 || s.buttonDown(t) {
		t.Error("something is dragged that nobody has taken there")
	}
	y.pointer(200, 200, 0)
	y.pointer(200, 200, 1)
	if !s.holds(t) {
		t.Error("Shift and the button, pressed anew, are not down")
	}
	y.pointer(200, 200, 0)
	y.key("ShiftLeft", "Shift", false, 0)
	s.atRest(t)
	// A key that the server repeats is not held by that alone.
	y.key("KeyA", "a", true, 0)
	for end := time.Now().Add(patience); s.down(t) > 0; time.Sleep(100 * time.Millisecond) {
		y.held()
		if time.Now().After(end) {
			t.Fatal("a key that its browser does not repeat is down for ever")
		}
	}
	// Shift that came up meanwhile stays up.
	y.key("ShiftLeft", "Shift", true, 1)
	y.held()
	s.atRest(t)
	y.key("ShiftLeft", "Shift", false, 0)
	y.pointer(200, 200, 1)
	if s.down(t) != 0 || !s.buttonDown(t) {
		t.Error("a Shift that came up is down again")
	}
}

// TestLettingGoIsExplained: a viewer that was away finds why a key or a button is
// up; one that was there, and a Shift that counts on, are not spoken of.
func TestLettingGoIsExplained(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		holds func(typist)
		there bool // it goes on saying that it holds something
		want  []words.Code
	}{
		{"a key", func(y typist) { y.key("KeyA", "a", true, 0) }, false, []words.Code{words.LetGoOfKey}},
		{"a button", func(y typist) { y.pointer(10, 10, 1) }, false, []words.Code{words.LetGoOfButton}},
		{"both", func(y typist) { y.key("KeyA", "a", true, 0); y.pointer(10, 10, 1) }, false, []words.Code{words.LetGoOfKey, words.LetGoOfButton}},
		{"Shift", func(y typist) { y.key("ShiftLeft", "Shift", true, 1) }, false, nil},
		{"a key that the browser has lost sight of", func(y typist) { y.key("KeyA", "a", true, 0) }, true, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "-screen", "0", "640x480x24")
			var mu sync.Mutex
			var said []words.Code
			y := s.sit(t, session.Rights{}, nil)
			y.seat.options.Say = func(w words.Sentence) {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, w.Code)
			}
			test.holds(y)
			y.held()
			for end := time.Now().Add(patience); s.down(t) > 0 || s.buttonDown(t); time.Sleep(100 * time.Millisecond) {
				if test.there {
					y.held()
				}
				if time.Now().After(end) {
					t.Fatal("it is down for ever")
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(said, test.want) {
				t.Errorf("said %v, want %v", said, test.want)
			}
		})
	}
}

// TestHeldForLong: who says so holds a button for as long as it likes.
func TestHeldForLong(t *testing.T) {
	t.Parallel()
	s := startServer(t, "-screen", "0", "640x480x24")
	w := watchAs(t, screen.Control, &warrenv1.ScreenRequest{Display: s.name})
	until(t, "the session", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ready != nil
	})
	for _, in := range []*warrenv1.ScreenInput{
		{Input: &warrenv1.ScreenInput_Key{Key: &warrenv1.ScreenKey{Code: "ShiftLeft", Key: "Shift", Down: true, Modifiers: 1}}},
		{Input: &warrenv1.ScreenInput_Pointer{Pointer: &warrenv1.ScreenPointer{X: 10, Y: 10, Buttons: 1}}},
	} {
		if err := w.Input(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	ctx, silent := context.WithCancel(t.Context())
	defer silent()
	var holding sync.WaitGroup
	holding.Go(func() { w.Hold(ctx) })
	eventually(t, "both are down", func() bool { return s.holds(t) })
	for end := time.Now().Add(lapse + lapse/2); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if !s.holds(t) {
			t.Fatal("what is held is let go")
		}
	}
	silent()
	holding.Wait()
	s.atRest(t)
}
