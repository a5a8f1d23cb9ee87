//go:build linux

package x11

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/keys"
	"warren/session/screen/words"
)

const (
	// maxTyped bounds a text that is typed at once, in bytes.
	maxTyped = 64 << 10
	// typedAtOnce is after how many strokes of a text programs get a moment.
	typedAtOnce = 64
	typingPause = 2 * time.Millisecond
)

// seat is one technician's hands on a display: a connection of its own.
type seat struct {
	*link
	keys    keyboard
	options screen.SeatOptions
	clip    atomic.Pointer[clipboard] // events come before it is there
	stale   atomic.Bool               // the keyboard has become another
	changed atomic.Bool               // so has its state
	asked   atomic.Pointer[asked]     // a question that is open
	estate  *estate
	back    func() // counts the seat no more

	mu      sync.Mutex // held by whoever speaks of what follows
	board   *keys.Board
	state   keys.State // when it was last asked for
	region  image.Rectangle
	buttons uint32
	wheel   image.Point   // what is left of a notch
	pings   uint32        // such questions
	deaf    xproto.Window // that gave no answer, until the next text
	lapsed  uint32        // buttons that the viewer held when it fell silent, and holds
	idle    *time.Timer   // for fallSilent
	heard   time.Time     // the viewer, last
	acted   time.Time     // ... with more than that it holds something
	beats   bool          // it says so while it holds something
	closed  bool
}

// Seat implements screen.Display.
func (d *Display) Seat(ctx context.Context, o screen.SeatOptions) (screen.Seat, error) {
	s := &seat{options: o, region: image.Rectangle{Max: d.size}}
	var err error
	if s.link, err = connect(ctx, d.place, s.handle); err != nil {
		return nil, err
	}
	s.keys = keyboard{s.link}
	var first bool
	s.estate, first, s.back = d.seats.take(d.Name())
	if err := s.ask(func() error { return s.begin(first) }); err != nil {
		s.link.Close()
		s.back()
		return nil, err
	}
	s.idle = time.AfterFunc(time.Hour, s.fallSilent)
	s.idle.Stop()
	return s, nil
}

// begin opens what a seat needs. What is down on a display without another seat
// is an old session's.
func (s *seat) begin(first bool) error {
	if err := s.keys.open(); err != nil {
		return err
	}
	if err := s.keys.watch(); err != nil {
		return err
	}
	l, err := s.keys.layout()
	if err != nil {
		return err
	}
	s.board = keys.NewBoard(l)
	if first {
		if err := s.letGoOfOld(); err != nil {
			return err
		}
	}
	if err := s.ascertain(); err != nil {
		return err
	}
	clip, err := openClipboard(s)
	if err != nil {
		return err
	}
	s.clip.Store(clip)
	return nil
}

// letGoOfOld lets go of what a session left down whose node died, and gives back
// what it borrowed. What the machine's own keyboard holds stays: it is another
// device to the server.
func (s *seat) letGoOfOld() error {
	if h := s.estate.holding; !h.empty() {
		if err := s.keys.letGoOf(h); err != nil {
			return err
		}
		h.clear()
	}
	down, err := s.keys.down()
	if err != nil {
		return err
	}
	for _, c := range down {
		s.keys.press(c, false)
	}
	p, err := xproto.QueryPointer(s.Conn, s.screen.Root).Reply()
	if err != nil {
		return err
	}
	for b := byte(1); b <= 5; b++ {
		if p.Mask&(xproto.KeyButMaskButton1<<(b-1)) != 0 {
			s.keys.click(b, false)
		}
	}
	return s.keys.sync()
}

// handle is told of events.
func (s *seat) handle(l *link, e event) {
	switch {
	case e.number == xproto.MappingNotify:
		s.stale.Store(true)
	case l.is(e, extKeyboard, 0):
		s.changed.Store(true)
		if 1<<e.Bytes()[1] != xkbStateNotify {
			s.stale.Store(true)
		}
	case e.number == xproto.ClientMessage:
		s.answer(e)
	default:
		if c := s.clip.Load(); c != nil {
			c.handle(l, e)
		}
	}
}

// Clipboard implements screen.Seat.
func (s *seat) Clipboard() (in, out bool) {
	r := s.options.Request.Rights
	return r.ClipboardIn, r.ClipboardOut
}

// Look implements screen.Seat.
func (s *seat) Look(region image.Rectangle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.region = region
}

// Take implements screen.Seat.
func (s *seat) Take(ctx context.Context, in *warrenv1.ScreenInput) error {
	if part := in.GetClipboard(); part != nil {
		return s.clip.Load().take(ctx, part)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle.Stop()
	err := s.ask(func() error { return s.take(ctx, in) })
	s.heed(in)
	return err
}

func (s *seat) take(ctx context.Context, in *warrenv1.ScreenInput) error {
	switch i := in.GetInput().(type) {
	case *warrenv1.ScreenInput_Key:
		if len(i.Key.GetCode()) > 64 || len(i.Key.GetKey()) > 64 {
			return fmt.Errorf("a key's name of %d bytes: %w", len(i.Key.GetCode())+len(i.Key.GetKey()), session.ErrInvalid)
		}
		return s.strike(ctx, func(st keys.State) []keys.Stroke {
			return s.board.Key(keys.Event{
				Code: i.Key.GetCode(), Key: i.Key.GetKey(), Down: i.Key.GetDown(), Flags: keys.Flags(i.Key.GetModifiers()),
			}, st)
		})
	case *warrenv1.ScreenInput_Text:
		s.deaf = 0
		if len(i.Text) > maxTyped {
			return fmt.Errorf("a text of %d bytes to type, more than %d: %w", len(i.Text), maxTyped, session.ErrInvalid)
		}
		return s.strike(ctx, func(st keys.State) []keys.Stroke { return s.board.Text(i.Text, st) })
	case *warrenv1.ScreenInput_Special:
		strokes, ok := special(i.Special)
		if !ok {
			return screen.Unable(words.NoSpecial.Say(i.Special))
		}
		for _, e := range strokes {
			if err := s.strike(ctx, func(st keys.State) []keys.Stroke { return s.board.Key(e, st) }); err != nil {
				return err
			}
		}
		return nil
	case *warrenv1.ScreenInput_Pointer:
		s.point(i.Pointer)
		return s.keys.sync()
	case *warrenv1.ScreenInput_Wheel:
		return s.turn(i.Wheel)
	case *warrenv1.ScreenInput_Held:
		s.beats = true
	case *warrenv1.ScreenInput_Release:
		s.release()
		return s.keys.sync()
	}
	return nil
}

// strike does what the board says of the keyboard as it is now.
func (s *seat) strike(ctx context.Context, what func(keys.State) []keys.Stroke) error {
	if err := s.refresh(); err != nil {
		return err
	}
	var err error
	if s.changed.Load() {
		if err = s.ascertain(); err != nil {
			return err
		}
	}
	strokes := what(s.state)
	settled := false
	for i, one := range strokes {
		switch one.Op {
		case keys.Press, keys.Release:
			s.press(one.Keycode, one.Op == keys.Press)
			settled = false
		case keys.SetLocks:
			err = s.keys.lock(one.Mods, one.On)
		case keys.Map:
			if one.Again && !settled {
				settled = true
				err = s.untilRead(ctx)
			}
			if err == nil {
				err = s.give(one.Keycode, one.Keysym, one.Shifted)
			}
		}
		if err == nil && i%typedAtOnce == typedAtOnce-1 {
			if err = s.keys.sync(); err == nil {
				err = pause(ctx, typingPause)
			}
		}
		if err != nil {
			s.release()
			return err
		}
	}
	return s.ascertain() // ahead of the next
}

// ascertain asks for the keyboard's state, when all that was asked before is done.
func (s *seat) ascertain() (err error) {
	s.changed.Store(false)
	if s.state, err = s.keys.state(); err != nil {
		s.changed.Store(true)
	}
	return err
}

// refresh asks for the keyboard where it has become another.
func (s *seat) refresh() error {
	if !s.stale.Swap(false) {
		return nil
	}
	l, err := s.keys.layout()
	if err != nil {
		return err
	}
	s.board.SetLayout(l)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// button gives the server's number of a bit of ScreenPointer's buttons.
func button(bit int) byte { return []byte{1, 2, 3, 8, 9}[bit] }

const buttons = 5

// point moves the pointer and presses and releases buttons, there.
func (s *seat) point(p *warrenv1.ScreenPointer) {
	at := s.region.Min.Add(image.Pt(int(p.GetX()), int(p.GetY())))
	last := s.region.Max.Sub(image.Pt(1, 1))
	at.X, at.Y = min(max(at.X, s.region.Min.X), last.X), min(max(at.Y, s.region.Min.Y), last.Y)
	xtest.FakeInput(s.Conn, xproto.MotionNotify, 0, 0, s.screen.Root, int16(at.X), int16(at.Y), 0) //nolint:gosec // on the display
	s.lapsed &= p.GetButtons()
	held := p.GetButtons() & (1<<buttons - 1) &^ s.lapsed
	if held&^s.buttons != 0 {
		s.rouse()
	}
	for bit := range buttons {
		was, is := s.buttons>>bit&1, held>>bit&1
		if was == is {
			continue
		}
		s.click(button(bit), is == 1)
	}
	s.buttons = held
}

// maxTurn bounds one message's notches.
const maxTurn = 100

// turn clicks the wheel's buttons for each whole notch; what is left waits for
// more, and is forgotten where the wheel turns round.
func (s *seat) turn(w *warrenv1.ScreenWheel) error {
	s.rouse()
	s.wheel.X = s.notches(s.wheel.X, int(w.GetDx()), 6, 7)
	s.wheel.Y = s.notches(s.wheel.Y, int(w.GetDy()), 4, 5)
	return s.keys.sync()
}

func (s *seat) notches(left, more int, back, forth byte) int {
	const notch = 120
	more = min(max(more, -maxTurn*notch), maxTurn*notch)
	if (left < 0) != (more < 0) && more != 0 {
		left = 0
	}
	left += more
	for left >= notch || left <= -notch {
		b := forth
		if left < 0 {
			b = back
		}
		s.keys.click(b, true)
		s.keys.click(b, false)
		if left < 0 {
			left += notch
		} else {
			left -= notch
		}
	}
	return left
}

// Close implements screen.Seat.
func (s *seat) Close() error {
	stop := time.AfterFunc(closing, func() { s.raw.Close() })
	defer stop.Stop()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.idle.Stop()
	err := s.ask(func() error {
		s.release()
		if err := s.refresh(); err != nil { // what another has mapped since is theirs
			return err
		}
		for _, c := range s.board.Mapped() {
			if err := s.give(c, 0, 0); err != nil {
				return err
			}
		}
		return s.keys.sync()
	})
	s.mu.Unlock()
	if errors.Is(err, screen.ErrGone) {
		err = nil // nothing is held where no server is
	}
	s.clip.Load().close()
	s.back()
	return errors.Join(err, s.link.Close())
}
