package keys

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// layoutOf reads what XkbGetMap gave on an Xvfb of Debian 12 after setxkbmap.
func layoutOf(t testing.TB, name string) Layout {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".xkb")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// server is an X server's keyboard and the program that it types into.
type server struct {
	t      testing.TB
	layout Layout
	down   map[Keycode]bool
	locks  Mods
	group  int
	typed  strings.Builder
	last   map[Keycode]int // when each keycode was last pressed, by place in the strokes
	taps   int
}

func newServer(t testing.TB, layout string) *server {
	return &server{t: t, layout: layoutOf(t, layout), down: map[Keycode]bool{}, last: map[Keycode]int{}}
}

func (s *server) state() State {
	m := s.locks
	for c := range s.down {
		if !s.layout.locking(s.layout.Keys[c].Mods) {
			m |= s.layout.Keys[c].Mods
		}
	}
	return State{Mods: m, Locked: s.locks, Group: s.group}
}

// char is what a program makes of a keysym.
func char(s Keysym) rune {
	switch {
	case s >= 0x20 && s < 0x7f || s >= 0xa0 && s <= 0xff:
		return rune(s)
	case s >= 0xff80 && s < 0xffbe:
		for r := ' '; r < 0x7f; r++ {
			if onKeypad(r) == s {
				return r
			}
		}
		return 0
	case s >= unicodeFirst && s < unicodeFirst<<1:
		return rune(s - unicodeFirst)
	case s == returnKey:
		return '\n'
	case s == tab:
		return '\t'
	}
	for _, p := range legacy() {
		at := p.first
		for _, r := range p.runes {
			if at == s && r != ' ' {
				return r
			}
			at++
		}
	}
	return 0
}

func (s *server) do(strokes []Stroke) {
	s.t.Helper()
	for _, one := range strokes {
		switch one.Op {
		case Press:
			if s.down[one.Keycode] {
				s.t.Errorf("keycode %d is pressed twice", one.Keycode)
			}
			s.press(one.Keycode)
			s.down[one.Keycode] = true
		case Release:
			if !s.down[one.Keycode] {
				s.t.Errorf("keycode %d is let go and was not down", one.Keycode)
			}
			delete(s.down, one.Keycode)
		case SetLocks:
			s.locks = s.locks&^one.Mods | one.On
		case Map:
			shift := &Type{Mask: Shift, Entries: []Entry{{Mods: Shift, Level: 1}}}
			s.layout.Keys[one.Keycode] = Key{Groups: []Group{{Type: shift, Symbols: []Keysym{one.Keysym, one.Shifted}}}, Outside: -1}
		}
	}
}

func (s *server) press(c Keycode) {
	s.taps++
	s.last[c] = s.taps
	k := &s.layout.Keys[c]
	st := s.state()
	if k.Mods != 0 {
		return
	}
	r := char(k.symbol(st))
	g, _ := k.group(st.Group)
	if st.Mods&Lock != 0 && r != 0 && g.Type.Mask&Lock == 0 {
		r = unicode.ToUpper(r)
	}
	word := ""
	for _, m := range []struct {
		bit  Mods
		word string
	}{{Control, "C-"}, {1 << 3, "A-"}, {1 << 6, "M-"}} {
		if st.Mods&m.bit != 0 {
			word += m.word
		}
	}
	if r == 0 {
		fmt.Fprintf(&s.typed, "%s<%04x>", word, uint32(k.symbol(st)))
		return
	}
	s.typed.WriteString(word + string(r))
}

func (s *server) take() string {
	out := s.typed.String()
	s.typed.Reset()
	return out
}

// browser is a person's keyboard, and what their browser says of it.
type browser struct {
	layout Layout
	caps   bool
}

// level gives the modifiers of a level that a person can reach.
func levels() []Flags { return []Flags{0, FlagShift, FlagAltGr, FlagShift | FlagAltGr} }

func (w browser) key(code string, f Flags) (string, bool) {
	c, _ := place(code)
	m := Mods(0)
	if f&FlagShift != 0 {
		m |= Shift
	}
	if f&FlagAltGr != 0 {
		m |= 1 << 7
	}
	if w.caps {
		m |= Lock
	}
	s := w.layout.Keys[c].symbol(State{Mods: m})
	if s >= 0xfe50 && s < 0xfe90 {
		return "Dead", true
	}
	if r := char(s); r != 0 {
		return string(r), true
	}
	return "", false
}

// events are those of pressing code with modifiers, from nothing held to
// nothing held.
func (w browser) events(code, key string, f Flags) []Event {
	var out []Event
	on := Flags(0)
	if w.caps {
		on = FlagCapsLock
	}
	mods := []struct {
		flag      Flags
		code, key string
	}{{FlagShift, "ShiftLeft", "Shift"}, {FlagAltGr, "AltRight", "AltGraph"}}
	for _, m := range mods {
		if f&m.flag != 0 {
			on |= m.flag
			out = append(out, Event{m.code, m.key, true, on})
		}
	}
	out = append(out, Event{code, key, true, on}, Event{code, key, true, on}, Event{code, key, false, on})
	for _, m := range slices.Backward(mods) {
		if f&m.flag != 0 {
			on &^= m.flag
			out = append(out, Event{m.code, m.key, false, on})
		}
	}
	return out
}

// writing are the places on which people write.
func writing() []string {
	out := []string{"Space", "IntlBackslash", "IntlRo", "IntlYen"}
	for c := range 48 {
		for _, code := range []string{"Digit", "Key"} {
			out = append(out, code+string(rune('0'+c)))
		}
	}
	out = append(out, "Minus", "Equal", "BracketLeft", "BracketRight", "Semicolon", "Quote", "Backquote", "Backslash", "Comma", "Period", "Slash")
	return slices.DeleteFunc(out, func(code string) bool { _, ok := place(code); return !ok })
}

// script runs lines "+Code Key" (down), "-Code Key" (up), with the flags that
// follow from what is down.
func script(s *server, b *Board, lines ...string) string {
	s.t.Helper()
	flags := map[string]Flags{"Shift": FlagShift, "Control": FlagControl, "Alt": FlagAlt, "Meta": FlagMeta, "AltGraph": FlagAltGr}
	on := Flags(0)
	for _, line := range lines {
		f := strings.Fields(line)
		down := f[0][0] == '+'
		if down {
			on |= flags[f[1]]
		} else {
			on &^= flags[f[1]]
		}
		s.do(b.Key(Event{Code: f[0][1:], Key: f[1], Down: down, Flags: on}, s.state()))
	}
	return s.take()
}
