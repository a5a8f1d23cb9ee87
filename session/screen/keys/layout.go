package keys

// Keycode is a key's number on an X server: 8 to 255.
type Keycode = uint8

// Mods are the eight modifiers of the core protocol as bits.
type Mods uint8

// The modifiers whose meaning is fixed; that of the others is in the Layout.
const (
	Shift   Mods = 1 << 0
	Lock    Mods = 1 << 1
	Control Mods = 1 << 2
)

// State is a keyboard's at one moment.
type State struct {
	// Mods are in effect, Locked are those of them that a key like Caps Lock
	// holds.
	Mods, Locked Mods
	// Group is the layout in effect, from 0.
	Group int
}

// Layout is a keyboard as the server has it. It is read only.
type Layout struct {
	Keys [256]Key
}

// Key is one key of a Layout.
type Key struct {
	// Groups are the key's layouts, none for a key that gives nothing.
	Groups []Group
	// Outside is the group that stands for one the key does not have, or -1
	// where the number is taken modulo.
	Outside int
	// Mods is what the key turns on while it is down.
	Mods Mods
}

// Group is a key's symbols in one layout, by level.
type Group struct {
	Type    *Type
	Symbols []Keysym
}

// Type tells which modifiers lead to which level.
type Type struct {
	// Mask are the modifiers that matter.
	Mask    Mods
	Entries []Entry
}

// Entry is one combination of modifiers, and its level, from 0.
type Entry struct {
	Mods  Mods
	Level int
}

// level is the one that m leads to.
func (t *Type) level(m Mods) int {
	for _, e := range t.Entries {
		if e.Mods == m&t.Mask {
			return e.Level
		}
	}
	return 0
}

// group is the key's for the layout in effect.
func (k *Key) group(g int) (Group, bool) {
	n := len(k.Groups)
	switch {
	case n == 0:
		return Group{}, false
	case g >= 0 && g < n:
	case k.Outside >= 0:
		g = min(k.Outside, n-1)
	default:
		g = ((g % n) + n) % n
	}
	return k.Groups[g], true
}

// symbol is what the key gives in state s.
func (k *Key) symbol(s State) Keysym {
	g, ok := k.group(s.Group)
	if !ok {
		return none
	}
	if l := g.Type.level(s.Mods); l < len(g.Symbols) {
		return g.Symbols[l]
	}
	return none
}

// Gives reports whether a key gives one symbol, and another with Shift.
func (l *Layout) Gives(c Keycode, plain, shifted Keysym) bool {
	return l.Keys[c].symbol(State{}) == plain && l.Keys[c].symbol(State{Mods: Shift}) == shifted
}

// spare reports whether nothing uses the keycode.
func (k *Key) spare() bool {
	if k.Mods != 0 {
		return false
	}
	for _, g := range k.Groups {
		for _, s := range g.Symbols {
			if s != none {
				return false
			}
		}
	}
	return true
}

// with gives the keycodes that turn on exactly one modifier, the best first:
// left before right, and AltGr itself before keys that also switch layouts.
func (l *Layout) with(bit Mods) (Keycode, bool) {
	best, found, worst := Keycode(0), false, 0
	for c := range l.Keys {
		if l.Keys[c].Mods != bit {
			continue
		}
		n := 1
		switch l.Keys[c].symbol(State{}) {
		case shiftL, controlL, altL, superL, isoLevel3:
			n = 3
		case shiftR, controlR, altR, superR, isoLevel5:
			n = 2
		default:
		}
		if n > worst {
			best, found, worst = Keycode(c), true, n
		}
	}
	return best, found
}

// locking reports whether a modifier is one that a key turns on for good.
func (l *Layout) locking(bit Mods) bool {
	if bit == Lock {
		return true
	}
	for c := range l.Keys {
		if l.Keys[c].Mods == bit && l.Keys[c].symbol(State{}) == numLock {
			return true
		}
	}
	return false
}
