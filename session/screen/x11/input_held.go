//go:build linux

package x11

import (
	"image"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen/keys"
	"warren/session/screen/words"
)

const (
	// silence is how long a viewer may say nothing while a key is down that the
	// server repeats: its browser repeats it too. After that the link is taken
	// for lost, and the key comes up long before the session ends.
	silence = 1500 * time.Millisecond
	// lapse is likewise for whatever is down, of a viewer that says ScreenHeld
	// while it holds something. A wire that is dead for two seconds costs up to
	// three and a half: the transport waits longer each time before it tries again.
	lapse = 4 * time.Second
)

// press, click and give tell the holding before something goes down, and once it
// comes up: an heir that lets go of too much does no harm.
func (s *seat) press(c keys.Keycode, down bool) {
	s.hold(holdingKeys, c, down, func() { s.keys.press(c, down) })
}

func (s *seat) click(b byte, down bool) {
	s.hold(holdingButtons, b, down, func() { s.keys.click(b, down) })
}

func (s *seat) hold(base int, n byte, down bool, do func()) {
	if down {
		s.estate.appoint(s.link)
		s.estate.holding.set(base, n, true)
	}
	do()
	if !down {
		s.estate.holding.set(base, n, false)
	}
}

func (s *seat) give(c keys.Keycode, plain, shifted keys.Keysym) error {
	if plain != 0 {
		s.estate.appoint(s.link)
		s.estate.holding.give(c, plain, shifted)
	}
	err := s.keys.give(c, plain, shifted)
	if plain == 0 && err == nil {
		s.estate.holding.give(c, 0, 0)
	}
	return err
}

// release lets go of all keys and buttons, s.mu held.
func (s *seat) release() { s.letGo(s.board.Release()) }

// letGo does the strokes, and lets go of all buttons.
func (s *seat) letGo(strokes []keys.Stroke) {
	s.strokes(strokes)
	for bit := range buttons {
		if s.buttons>>bit&1 == 1 {
			s.click(button(bit), false)
		}
	}
	s.buttons, s.lapsed, s.wheel = 0, 0, image.Point{}
}

// heed notes that the viewer was heard, s.mu held. That it holds something
// prolongs no key that repeats: a browser that has lost sight of one says so too.
func (s *seat) heed(in *warrenv1.ScreenInput) {
	s.heard = time.Now()
	if in.GetHeld() == nil {
		s.acted = s.heard
	}
	s.await()
}

// await waits for the viewer's silence, s.mu held.
func (s *seat) await() {
	var until time.Time
	if s.beats && s.holds() {
		until = s.heard.Add(lapse)
	}
	if end := s.acted.Add(silence); s.board.Repeats() && (until.IsZero() || end.Before(until)) {
		until = end
	}
	if !until.IsZero() {
		s.idle.Reset(time.Until(until))
	}
}

// holds tells that something is down, s.mu held.
func (s *seat) holds() bool { return s.buttons != 0 || s.board.Holds() }

// fallSilent lets go of what a viewer holds that is silent: first of what the
// server would repeat, then of all.
func (s *seat) fallSilent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	_ = s.ask(func() error {
		if s.board.Repeats() && time.Since(s.acted) >= silence {
			s.strokes(s.board.Calm())
			s.explain(words.LetGoOfKey)
		}
		if s.beats && s.holds() && time.Since(s.heard) >= lapse {
			if s.buttons != 0 {
				s.explain(words.LetGoOfButton)
			}
			s.rest()
		}
		return s.keys.sync()
	})
	s.await()
}

// explain tells the viewer of what it finds let go of when it is back, s.mu
// held. One that was not away has let go by itself: browsers repeat the last key
// alone.
func (s *seat) explain(what words.Code) {
	if s.options.Say != nil && time.Since(s.heard) >= silence {
		s.options.Say(what.Say())
	}
}

// rest lets go of all for a viewer that may come back with all of it in its
// hands, s.mu held. Modifiers go down again with the next key or button: alone
// they do nothing. A button stays up until it is pressed anew: what lies under
// the pointer by then was not meant.
func (s *seat) rest() {
	lapsed := s.buttons
	s.letGo(s.board.Rest())
	s.lapsed = lapsed
}

// rouse presses the modifiers again that rest.
func (s *seat) rouse() { s.strokes(s.board.Wake()) }

// strokes does what the board says between two inputs.
func (s *seat) strokes(all []keys.Stroke) {
	for _, one := range all {
		s.press(one.Keycode, one.Op == keys.Press)
		s.changed.Store(true)
	}
}
