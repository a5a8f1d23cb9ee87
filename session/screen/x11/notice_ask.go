//go:build linux

package x11

import (
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
)

const (
	// askWidth and askHeight are the dialog's, in units.
	askWidth, askHeight = 520, 286
	// armed is how long the dialog is there before it takes an answer: who types
	// or clicks just then means something else.
	armed = 800 * time.Millisecond
)

func allowButton() image.Rectangle {
	return image.Rect(askWidth-128, askHeight-58, askWidth-24, askHeight-22)
}

func denyButton() image.Rectangle {
	return image.Rect(askWidth-128-16-104, askHeight-58, askWidth-128-16, askHeight-22)
}

// dialog is a question that is open.
type dialog struct {
	*window
	watching screen.Watching
	end      time.Time
	allow    bool // has the focus
	pressed  *bool
	codes    map[xproto.Keycode]xproto.Keysym
}

// Ask implements screen.Person.
func (d *Display) Ask(ctx context.Context, w screen.Watching) error {
	return d.question(ctx, w, screen.AskTime)
}

func (d *Display) question(ctx context.Context, w screen.Watching, within time.Duration) error {
	win, err := d.openWindow(ctx, image.Pt(askWidth, askHeight), func(m image.Rectangle, size image.Point) image.Point {
		return m.Min.Add(m.Size().Sub(size).Div(2))
	})
	if err != nil {
		return err
	}
	defer win.Close()
	q := &dialog{window: win, watching: w, end: time.Now().Add(within)}
	back, err := q.focus()
	if err != nil {
		return err
	}
	defer func() { _ = q.ask(back) }()
	return q.run(ctx, time.Now().Add(min(armed, within/2)))
}

// focus takes the keyboard's focus and gives what hands it back.
func (q *dialog) focus() (back func() error, err error) {
	var before xproto.Window
	err = q.ask(func() error {
		f, err := xproto.GetInputFocus(q.Conn).Reply()
		if err != nil {
			return err
		}
		before = f.Focus
		// Where it is not to be had, the pointer answers.
		xproto.SetInputFocus(q.Conn, xproto.InputFocusPointerRoot, q.id, xproto.TimeCurrentTime)
		setup := xproto.Setup(q.Conn)
		first, count := setup.MinKeycode, byte(setup.MaxKeycode-setup.MinKeycode)+1
		m, err := xproto.GetKeyboardMapping(q.Conn, first, count).Reply()
		if err != nil {
			return err
		}
		q.codes = map[xproto.Keycode]xproto.Keysym{}
		for i := 0; int(m.KeysymsPerKeycode)*i < len(m.Keysyms) && m.KeysymsPerKeycode > 0; i++ {
			q.codes[first+xproto.Keycode(i)] = m.Keysyms[int(m.KeysymsPerKeycode)*i] //nolint:gosec // 248 at most
		}
		return nil
	})
	return func() error {
		f, err := xproto.GetInputFocus(q.Conn).Reply()
		if err == nil && f.Focus == q.id {
			err = xproto.SetInputFocusChecked(q.Conn, xproto.InputFocusPointerRoot, before, xproto.TimeCurrentTime).Check()
		}
		return err
	}, err
}

// run shows the question until it is answered.
func (q *dialog) run(ctx context.Context, from time.Time) error {
	for {
		left := time.Until(q.end)
		if left <= 0 {
			return screen.ErrNoAnswer
		}
		if err := q.draw(int((left + time.Second - 1) / time.Second)); err != nil {
			return err
		}
		next := time.NewTimer(left % time.Second)
		if left%time.Second == 0 {
			next.Reset(time.Second)
		}
		for redraw := false; !redraw; {
			e, timeout, err := q.wait(ctx, next.C)
			if err != nil {
				next.Stop()
				return err
			}
			if timeout {
				break
			}
			if err := q.tend(e); err != nil {
				return err
			}
			if time.Now().Before(from) {
				continue
			}
			var answer *bool
			if answer, redraw = q.answer(e); answer != nil {
				next.Stop()
				if *answer {
					return nil
				}
				return screen.ErrNoConsent
			}
		}
		next.Stop()
	}
}

// answer is what an event says; redraw tells that the focus has moved.
func (q *dialog) answer(e event) (answer *bool, redraw bool) {
	yes, no := true, false
	switch e := e.Event.(type) {
	case xproto.ButtonPressEvent:
		q.pressed = nil
		if e.Detail == 1 { // no wheel says yes
			q.pressed = q.under(e.EventX, e.EventY)
		}
	case xproto.ButtonReleaseEvent:
		if e.Detail != 1 {
			return nil, false
		}
		// As buttons are: pressed and let go on the same one.
		if under := q.under(e.EventX, e.EventY); under != nil && q.pressed != nil && *under == *q.pressed {
			return under, false
		}
		q.pressed = nil
	case xproto.KeyPressEvent:
		switch q.codes[e.Detail] {
		case 0xff1b: // Escape
			return &no, false
		case 0xff09, 0xfe20, 0xff51, 0xff53: // Tab, Left, Right
			q.allow = !q.allow
			return nil, true
		case 0xff0d, 0xff8d, ' ': // Return, Enter
			if q.allow {
				return &yes, false
			}
			return &no, false
		default: // somebody is typing, and not to us
			redraw, q.allow = q.allow, false
			return nil, redraw
		}
	}
	return nil, false
}

// under is the answer whose button is at a place.
func (q *dialog) under(x, y int16) *bool {
	yes, no := true, false
	switch at := q.at(x, y); {
	case at.In(allowButton()):
		return &yes
	case at.In(denyButton()):
		return &no
	}
	return nil
}

// draw paints the question.
func (q *dialog) draw(seconds int) error {
	c, err := newCanvas(askWidth, askHeight, q.scale)
	if err != nil {
		return err
	}
	w := q.watching
	c.fill(image.Rect(0, 0, askWidth, askHeight), paper())
	c.fill(image.Rect(0, 0, askWidth, 6), accent())
	c.frame(image.Rect(0, 0, askWidth, askHeight), 1, line())
	title := "May this screen be looked at?"
	does := "They see all of the screen, and cannot touch anything."
	if w.Control {
		title = "May this computer be controlled?"
		does = "They see all of the screen and use keyboard and pointer."
	}
	var failed error
	put := func(y int, s style, words string) {
		if _, err := c.text(24, y, s, words); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	fit := func(y int, s style, words string, most int) {
		lines, err := c.wrap(s, words, askWidth-48, most)
		failed = errors.Join(failed, err)
		for i, l := range lines {
			put(y+19*i, s, l)
		}
	}
	put(42, style{19, true, ink()}, title)
	fit(76, style{15, true, ink()}, fmt.Sprintf("%s, of the mesh %s, asks.", w.Technician, w.Mesh), 1)
	fit(99, style{14, false, ink()}, does, 1)
	reason := "They gave no reason."
	if w.Reason != "" {
		reason = "Reason: " + w.Reason
	}
	fit(130, style{14, false, ink()}, reason, 3)
	put(askHeight-34, style{13, false, faint()}, fmt.Sprintf("No answer is a no, in %d s.", seconds))
	failed = errors.Join(failed,
		c.button(denyButton(), "Deny", pale(), ink(), !q.allow),
		c.button(allowButton(), "Allow", pale(), ink(), q.allow))
	if failed != nil {
		return failed
	}
	return q.show(c)
}
