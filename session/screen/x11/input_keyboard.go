//go:build linux

package x11

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"warren/session/screen"
	"warren/session/screen/keys"
	"warren/session/screen/words"
)

const (
	extTest     = "XTEST"
	extKeyboard = "XKEYBOARD"
)

// Requests of the X Keyboard Extension (its protocol, appendix D), which xgb
// does not have.
const (
	xkbUseExtension   = 0
	xkbSelectEvents   = 1
	xkbGetState       = 4
	xkbLatchLockState = 5
	xkbGetMap         = 8
	xkbCoreKeyboard   = 0x100
	xkbNewKeyboard    = 1 << 0
	xkbMapNotify      = 1 << 1
	xkbStateNotify    = 1 << 2
)

// keyboard is the server's, by XKEYBOARD and XTEST. All of it runs in link.ask.
type keyboard struct{ *link }

func (k keyboard) open() error {
	for _, name := range []string{extTest, extKeyboard} {
		err := k.extension(name)
		if errors.Is(err, screen.ErrUnable) {
			return screen.Unable(words.NoInput.Say(name))
		}
		if err != nil {
			return err
		}
	}
	use := k.request(xkbUseExtension, 8)
	binary.LittleEndian.PutUint16(use[4:], 1) // version 1.0
	reply, err := k.reply(use, 32)
	if err == nil && reply[1] == 0 {
		err = fmt.Errorf("%s is not of version 1.0: %w", extKeyboard, errServer)
	}
	return err
}

// request is one of size bytes, but for what is special about it.
func (k keyboard) request(minor byte, size int) []byte {
	b := make([]byte, size)
	b[0], b[1] = k.opcode(extKeyboard), minor
	binary.LittleEndian.PutUint16(b[2:], uint16(size/4)) //nolint:gosec // a few bytes
	if minor != xkbUseExtension {
		binary.LittleEndian.PutUint16(b[4:], xkbCoreKeyboard)
	}
	return b
}

// reply gives an answer of at least so many bytes.
func (k keyboard) reply(request []byte, least int) ([]byte, error) {
	reply, err := k.answer(request, least)
	if errors.Is(err, errServer) {
		err = fmt.Errorf("%s: %w", extKeyboard, err)
	}
	return reply, err
}

func (k keyboard) check(request []byte) error {
	cookie := k.NewCookie(true, false)
	k.NewRequest(request, cookie)
	return cookie.Check()
}

// watch asks for an event whenever the keyboard becomes another: by a change
// of its map, or as a whole, which is what setxkbmap does; and for one when
// what state tells changes.
func (k keyboard) watch() error {
	b := k.request(xkbSelectEvents, 20)
	binary.LittleEndian.PutUint16(b[6:], xkbNewKeyboard|xkbMapNotify|xkbStateNotify)
	binary.LittleEndian.PutUint16(b[10:], xkbNewKeyboard|xkbStateNotify) // all of it
	binary.LittleEndian.PutUint16(b[12:], keys.MapParts)
	binary.LittleEndian.PutUint16(b[14:], keys.MapParts)
	binary.LittleEndian.PutUint16(b[2:], 4)
	return k.check(b[:16])
}

// layout asks for the keyboard as it is now.
func (k keyboard) layout() (keys.Layout, error) {
	b := k.request(xkbGetMap, 28)
	binary.LittleEndian.PutUint16(b[6:], keys.MapParts)
	reply, err := k.reply(b, 40)
	if err != nil {
		return keys.Layout{}, err
	}
	return keys.Decode(reply)
}

// state asks which modifiers and which layout are in effect.
func (k keyboard) state() (keys.State, error) {
	r, err := k.reply(k.request(xkbGetState, 8), 32)
	if err != nil {
		return keys.State{}, err
	}
	return keys.State{Mods: keys.Mods(r[8]), Locked: keys.Mods(r[11]), Group: int(r[12])}, nil
}

// lock turns the locks in m on where they are in on, else off.
func (k keyboard) lock(m, on keys.Mods) error {
	b := k.request(xkbLatchLockState, 16)
	b[6], b[7] = byte(m), byte(on)
	return k.check(b)
}

// press presses or releases a key.
func (k keyboard) press(c keys.Keycode, down bool) {
	kind := byte(xproto.KeyRelease)
	if down {
		kind = xproto.KeyPress
	}
	xtest.FakeInput(k.Conn, kind, c, 0, xproto.WindowNone, 0, 0, 0)
}

// click presses or releases a button.
func (k keyboard) click(b byte, down bool) {
	kind := byte(xproto.ButtonRelease)
	if down {
		kind = xproto.ButtonPress
	}
	xtest.FakeInput(k.Conn, kind, b, 0, xproto.WindowNone, 0, 0, 0)
}

// give gives a keycode a keysym, and one with Shift; 0 takes them away.
func (k keyboard) give(c keys.Keycode, plain, shifted keys.Keysym) error {
	both := []xproto.Keysym{xproto.Keysym(plain), xproto.Keysym(shifted)}
	return xproto.ChangeKeyboardMappingChecked(k.Conn, 1, xproto.Keycode(c), byte(len(both)), both).Check()
}

// down are the keycodes that are held, by whomever.
func (k keyboard) down() ([]keys.Keycode, error) {
	r, err := xproto.QueryKeymap(k.Conn).Reply()
	if err != nil {
		return nil, err
	}
	var out []keys.Keycode
	for c := range 8 * len(r.Keys) {
		if r.Keys[c/8]&(1<<(c%8)) != 0 {
			out = append(out, keys.Keycode(c)) //nolint:gosec // 32 bytes
		}
	}
	return out, nil
}

// sync returns when the server has done all that was asked.
func (k keyboard) sync() error {
	_, err := xproto.GetInputFocus(k.Conn).Reply()
	return err
}
