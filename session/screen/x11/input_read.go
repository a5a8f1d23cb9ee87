//go:build linux

package x11

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/jezek/xgb/xproto"
)

const (
	// settle is how long programs get to read what was typed before a keycode
	// means something else, where they cannot be asked.
	settle = 300 * time.Millisecond
	// slowest bounds how long one that can be asked may take.
	slowest = 5 * time.Second
	// deepest bounds the windows around the one that has the focus.
	deepest = 16
	// notOfManagers keeps our questions apart from those of window managers, who
	// count from 1 on or take the server's time.
	notOfManagers = 1 << 31
)

// asked is a question whether a program has read what was typed.
type asked struct {
	window  xproto.Window
	number  uint32
	answers chan struct{}
}

// untilRead returns when the program that has the focus has read what was
// typed. Programs look a keycode up when they read that it was pressed, as the
// keyboard is by then, so a keycode may mean something else only afterwards. What
// a window manager asks to find out whether a program hangs is answered in the
// order of events (_NET_WM_PING of the EWMH); who does not know it gets some time.
func (s *seat) untilRead(ctx context.Context) error {
	protocols, ping, err := s.pingAtoms()
	if err != nil {
		return err
	}
	w, err := s.pinged(protocols, ping)
	if err != nil || w == 0 || w == s.deaf {
		return pause(ctx, settle)
	}
	s.pings++
	a := &asked{window: w, number: notOfManagers | s.pings, answers: make(chan struct{}, 1)}
	s.asked.Store(a)
	defer s.asked.Store(nil)
	// The answer is sent to the root window, to whoever listens there.
	listen := func(mask uint32) {
		xproto.ChangeWindowAttributes(s.Conn, s.screen.Root, xproto.CwEventMask, []uint32{mask})
	}
	listen(xproto.EventMaskSubstructureNotify)
	defer listen(0)
	question := xproto.ClientMessageEvent{Format: 32, Window: w, Type: protocols, Data: xproto.ClientMessageDataUnionData32New([]uint32{uint32(ping), a.number, uint32(w), 0, 0})}
	xproto.SendEvent(s.Conn, false, w, xproto.EventMaskNoEvent, string(question.Bytes()))
	if err := s.keys.sync(); err != nil {
		return err
	}
	select {
	case <-a.answers:
		return nil
	case <-s.done:
		return nil // what comes next notices
	case <-time.After(slowest):
		s.deaf = w
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// answer takes what may be an answer.
func (s *seat) answer(e event) {
	if a := s.asked.Load(); a != nil {
		if b := e.Bytes(); binary.LittleEndian.Uint32(b[16:]) == a.number && binary.LittleEndian.Uint32(b[20:]) == uint32(a.window) {
			select {
			case a.answers <- struct{}{}:
			default:
			}
		}
	}
}

func (s *seat) pingAtoms() (protocols, ping xproto.Atom, err error) {
	for name, to := range map[string]*xproto.Atom{"WM_PROTOCOLS": &protocols, "_NET_WM_PING": &ping} {
		r, err := xproto.InternAtom(s.Conn, false, uint16(len(name)), name).Reply() //nolint:gosec // a short name
		if err != nil {
			return 0, 0, err
		}
		*to = r.Atom
	}
	return protocols, ping, nil
}

// pinged is the window around the focus that answers, 0 where none does.
func (s *seat) pinged(protocols, ping xproto.Atom) (xproto.Window, error) {
	focus, err := xproto.GetInputFocus(s.Conn).Reply()
	if err != nil {
		return 0, err
	}
	w := focus.Focus
	for range deepest {
		if w <= xproto.InputFocusPointerRoot || w == s.screen.Root {
			return 0, nil
		}
		p, err := s.readProperty(w, protocols, 4*32)
		if err != nil {
			return 0, err
		}
		for at := 0; p.kind == xproto.AtomAtom && p.format == 32 && at+4 <= len(p.value); at += 4 {
			if xproto.Atom(binary.LittleEndian.Uint32(p.value[at:])) == ping {
				return w, nil
			}
		}
		tree, err := xproto.QueryTree(s.Conn, w).Reply()
		if err != nil {
			return 0, err
		}
		w = tree.Parent
	}
	return 0, nil
}
