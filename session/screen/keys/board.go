package keys

import (
	"maps"
	"slices"
)

// Flags are a browser's modifiers, as ScreenInput carries them.
type Flags uint32

// The bits of Flags.
const (
	FlagShift Flags = 1 << iota
	FlagControl
	FlagAlt
	FlagMeta
	FlagAltGr
	FlagCapsLock
	FlagNumLock
)

// Event is a key's of a browser that went down, goes on being down, or came up.
type Event struct {
	// Code and Key are KeyboardEvent's.
	Code, Key string
	Down      bool
	Flags     Flags
}

// Op is what a Stroke does.
type Op uint8

const (
	// Press and Release are of Keycode.
	Press Op = iota
	Release
	// SetLocks turns the locks in Mods on where they are in On, else off.
	SetLocks
	// Map gives Keycode the Keysym, and Shifted with Shift.
	Map
)

// Stroke is one thing to do, in order.
type Stroke struct {
	Op       Op
	Keycode  Keycode
	Keysym   Keysym
	Shifted  Keysym
	Mods, On Mods
	// Again says of a Map that the keycode meant something else before: programs
	// must have read what was typed with it.
	Again bool
}

// Bounds: more keys than fingers, and what a server may have to spare.
const (
	maxHeld  = 32
	maxSpare = 64
)

// Board is one viewer's hands on one keyboard. It is not safe for concurrent
// use.
type Board struct {
	layout Layout
	held   []held
	rest   []held                // modifiers that are up while the viewer is silent
	spare  []Keycode             // the least recently used first
	given  map[Keycode][2]Keysym // what spare ones were mapped to, with Shift the second
	locks  Mods                  // what locking modifiers there are
	shifts map[Mods]Keycode      // ... and what to press for the others
	out    []Stroke              // of the call under way
	state  State                 // ... as it will be after out
}

// held is a key that is down, by the code that the browser has for it.
type held struct {
	code    string
	keycode Keycode // 0: it was pressed and let go at once
	keysym  Keysym  // what it was taken for
	// again is what to look for when such a key repeats.
	again []Keysym
}

// lent is the code of a modifier that a browser never said went down.
const lent = " "

// NewBoard has nothing held.
func NewBoard(l Layout) *Board {
	b := &Board{given: map[Keycode][2]Keysym{}}
	b.SetLayout(l)
	return b
}

// SetLayout takes the keyboard as it is by now. Keycodes that were mapped stay
// so where l has them.
func (b *Board) SetLayout(l Layout) {
	b.layout = l
	for c, both := range b.given {
		if !l.Gives(c, both[0], both[1]) {
			delete(b.given, c)
		}
	}
	b.spare = slices.DeleteFunc(b.spare, func(c Keycode) bool { return !b.borrowed(c) && !l.Keys[c].spare() })
	for c := 255; c >= 8 && len(b.spare) < maxSpare; c-- {
		if k := Keycode(c); l.Keys[c].spare() && !slices.Contains(b.spare, k) { //nolint:gosec // 8 to 255
			b.spare = append(b.spare, k)
		}
	}
	b.locks, b.shifts = 0, map[Mods]Keycode{}
	for i := range 8 {
		bit := Mods(1) << i
		if l.locking(bit) {
			b.locks |= bit
		} else if c, ok := l.with(bit); ok {
			b.shifts[bit] = c
		}
	}
}

// Mapped are the keycodes that were given a keysym, for the end.
func (b *Board) Mapped() []Keycode {
	return slices.Sorted(maps.Keys(b.given))
}

func (b *Board) borrowed(c Keycode) bool {
	_, yes := b.given[c]
	return yes
}

func (b *Board) begin(s State) {
	b.out, b.state = nil, s
}

// Release lets go of everything.
func (b *Board) Release() []Stroke {
	b.out, b.rest = nil, nil
	b.letGo(func(held) bool { return true })
	return b.out
}

// letGo releases the keys that which names.
func (b *Board) letGo(which func(held) bool) {
	for i := len(b.held) - 1; i >= 0; i-- {
		h := b.held[i]
		if !which(h) {
			continue
		}
		b.held = slices.Delete(b.held, i, i+1)
		b.up(h.keycode)
	}
}

// up releases a keycode that no other held key shares.
func (b *Board) up(c Keycode) {
	if c == 0 || slices.ContainsFunc(b.held, func(h held) bool { return h.keycode == c }) {
		return
	}
	b.out = append(b.out, Stroke{Op: Release, Keycode: c})
	b.state.Mods &^= b.layout.Keys[c].Mods &^ b.holding()
}

// holding are the modifiers that held keys turn on, and locks.
func (b *Board) holding() Mods {
	m := b.state.Locked
	for _, h := range b.held {
		if h.keycode != 0 {
			m |= b.layout.Keys[h.keycode].Mods &^ b.locks
		}
	}
	return m
}

// Key gives what to do for e. s is the keyboard's state just now.
func (b *Board) Key(e Event, s State) []Stroke {
	b.begin(s)
	if e.Code == "" { // a keyboard on a screen has no places
		e.Code = " " + e.Key
	}
	b.rest = slices.DeleteFunc(b.rest, func(h held) bool {
		if e.Down {
			return flag(h.keysym)&e.Flags == 0
		}
		return h.code == e.Code
	})
	if e.Down {
		b.wake()
	}
	i := slices.IndexFunc(b.held, func(h held) bool { return h.code == e.Code })
	switch {
	case !e.Down && i >= 0:
		h := b.held[i]
		b.letGo(func(o held) bool { return o.code == e.Code })
		if h.keysym == superL || h.keysym == superR {
			// A Mac's browser does not say when keys come up that went down
			// while Meta was held.
			b.letGo(func(o held) bool { return flag(o.keysym) == 0 })
		}
	case !e.Down: // of a modifier that was lent, or that another key stands for
		if own := named(e.Key, e.Code); len(own) > 0 && flag(own[0]) != 0 {
			b.letGo(func(o held) bool { return flag(o.keysym) == flag(own[0]) && o.code == lent })
		}
	case i >= 0 && b.held[i].keycode != 0: // the server repeats it
	case i >= 0:
		b.tap(b.held[i].again, e)
	default:
		b.down(e)
	}
	return b.out
}

// down presses a key that was up.
func (b *Board) down(e Event) {
	wanted := b.wanted(e)
	if len(wanted) == 0 && !unknown(e.Key) || len(b.held) >= maxHeld {
		return
	}
	own := Flags(0)
	if len(wanted) > 0 {
		own = flag(wanted[0])
	}
	b.agree(e.Flags | own)
	if own != 0 {
		b.hold(e.Code, wanted, b.modifier(e.Code, wanted))
		return
	}
	b.lend(e.Flags)
	shortcut := b.state.Mods&^b.locks&b.acting() != 0
	if len(wanted) > 0 {
		if w, ok := b.find(wanted, e.Code); ok {
			b.play(w, e, wanted)
			return
		}
	}
	c, placed := place(e.Code)
	placed = placed && len(b.layout.Keys[c].Groups) > 0
	switch {
	case placed && (shortcut || len(wanted) == 0):
		b.hold(e.Code, wanted, c)
	case len(wanted) > 0:
		if w, ok := b.borrow(wanted[0]); ok {
			b.play(w, e, wanted)
		}
	}
}

// unknown reports whether a browser could not say what a key types.
func unknown(key string) bool { return key == "" || key == "Unidentified" }

// wanted are the keysyms that would do, the best first.
func (b *Board) wanted(e Event) []Keysym {
	r := character(e.Key)
	if r == 0 {
		return named(e.Key, e.Code)
	}
	var out []Keysym
	if len(e.Code) > 6 && e.Code[:6] == "Numpad" {
		if s := onKeypad(r); s != none {
			out = append(out, s)
		}
	}
	return append(out, spellings(r)...)
}

// flag is what a browser calls a modifier's keysym, 0 where it is none that is
// held.
func flag(s Keysym) Flags {
	switch s {
	case shiftL, shiftR:
		return FlagShift
	case controlL, controlR:
		return FlagControl
	case altL, altR:
		return FlagAlt
	case superL, superR, metaL, metaR:
		return FlagMeta
	case isoLevel3, modeSwitch:
		return FlagAltGr
	default:
		return 0
	}
}

// agree lets go of the modifiers that the browser says are up, and sets Caps
// Lock as it is there.
func (b *Board) agree(f Flags) {
	b.letGo(func(h held) bool { return flag(h.keysym) != 0 && flag(h.keysym)&f == 0 })
	on := Mods(0)
	if f&FlagCapsLock != 0 {
		on = Lock
	}
	if on != b.state.Locked&Lock {
		b.setLocks(Lock, on)
	}
}

// acting are the modifiers that make a key a shortcut.
func (b *Board) acting() Mods {
	m := Control
	for c := range b.layout.Keys {
		if s := b.layout.Keys[c].symbol(State{}); s == altL || s == superL {
			m |= b.layout.Keys[c].Mods
		}
	}
	return m
}

// lend presses Ctrl, Alt and Meta that the browser says are down although it
// never told: the page had not the focus yet. The next event that says they
// are up lets go of them.
func (b *Board) lend(f Flags) {
	if f&FlagAltGr != 0 { // which some systems make of Ctrl and Alt
		return
	}
	for _, one := range []struct {
		flag   Flags
		keysym Keysym
	}{{FlagControl, controlL}, {FlagAlt, altL}, {FlagMeta, superL}} {
		if f&one.flag != 0 && !slices.ContainsFunc(b.held, func(h held) bool { return flag(h.keysym) == one.flag }) {
			b.hold(lent, []Keysym{one.keysym}, b.modifier("", []Keysym{one.keysym}))
		}
	}
}

// modifier is the key that has one of the keysyms, at its place if it can be.
func (b *Board) modifier(code string, wanted []Keysym) Keycode {
	if c, ok := place(code); ok && slices.Contains(wanted, b.layout.Keys[c].symbol(State{Group: b.state.Group})) {
		return c
	}
	for _, s := range wanted {
		for c := range b.layout.Keys {
			if k := &b.layout.Keys[c]; k.Mods != 0 && k.symbol(State{Group: b.state.Group}) == s {
				return Keycode(c) //nolint:gosec // an index of 256
			}
		}
	}
	return 0
}

func (b *Board) press(c Keycode) {
	b.out = append(b.out, Stroke{Op: Press, Keycode: c})
	b.state.Mods |= b.layout.Keys[c].Mods &^ b.locks
}

// hold presses a key until its code comes up.
func (b *Board) hold(code string, wanted []Keysym, c Keycode) {
	if c == 0 {
		return
	}
	if i := slices.IndexFunc(b.held, func(h held) bool { return h.keycode == c }); i >= 0 {
		if b.layout.Keys[c].Mods == 0 { // two places that mean one key: it is struck twice
			b.held = slices.Delete(b.held, i, i+1)
			b.up(c)
		}
	}
	h := held{code: code, keycode: c, again: wanted}
	if len(wanted) > 0 {
		h.keysym = wanted[0]
	}
	b.press(c)
	b.held = append(b.held, h)
}

// Repeats reports whether a key is down that the server repeats.
func (b *Board) Repeats() bool {
	return slices.ContainsFunc(b.held, func(h held) bool { return h.keycode != 0 && flag(h.keysym) == 0 })
}

// Holds reports whether any key is down.
func (b *Board) Holds() bool {
	return slices.ContainsFunc(b.held, func(h held) bool { return h.keycode != 0 })
}

// Rest lets go of everything, for a viewer that is silent. What it does next
// finds the modifiers down again that it holds by then.
func (b *Board) Rest() []Stroke {
	rest := slices.DeleteFunc(slices.Clone(b.held), func(h held) bool { return flag(h.keysym) == 0 || h.code == lent })
	out := b.Release()
	b.rest = rest
	return out
}

// Wake presses what rests: before a button, or the wheel. Keys do so by
// themselves.
func (b *Board) Wake() []Stroke {
	b.out = nil
	b.wake()
	return b.out
}

func (b *Board) wake() {
	for _, h := range b.rest {
		b.hold(h.code, h.again, h.keycode)
	}
	b.rest = nil
}

// Calm lets go of the keys that the server repeats.
func (b *Board) Calm() []Stroke {
	b.out = nil
	b.letGo(func(h held) bool { return flag(h.keysym) == 0 })
	return b.out
}
