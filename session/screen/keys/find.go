package keys

import (
	"slices"
	"unicode"
)

// way is one key in one level, and what has to be changed to get there.
type way struct {
	keycode Keycode
	// off and on are modifiers to lift and to press; locks are to be set as in
	// want.
	off, on     Mods
	locks, want Mods
	cost        int
}

// plain reports whether the key can be pressed as things are.
func (w way) plain() bool { return w.off|w.on == 0 }

// find gives the cheapest way to one of the keysyms, at the place of code if
// that costs no more.
func (b *Board) find(wanted []Keysym, code string) (way, bool) {
	here, placed := place(code)
	var best way
	found := false
	for c := range b.layout.Keys {
		k := &b.layout.Keys[c]
		g, ok := k.group(b.state.Group)
		if !ok || c < 8 {
			continue
		}
		for l, s := range g.Symbols {
			rank := slices.Index(wanted, s)
			if rank < 0 || s == none {
				continue
			}
			w, ok := way{cost: l}, true
			if character := wanted[0] < 0xfe00 || wanted[0] >= unicodeFirst && wanted[0] < 0x10000000; character || pad(wanted[0]) {
				w, ok = b.reach(g.Type, l)
			}
			if !ok {
				continue
			}
			if g.Type.Mask&Lock == 0 && b.state.Locked&Lock != 0 && cased(s) {
				w.locks, w.cost = w.locks|Lock, w.cost+10
			}
			w.keycode = Keycode(c) //nolint:gosec // an index of 256
			// A keypad's digit comes from the keypad, however Num Lock is.
			w.cost += 100 * rankOf(wanted, s, rank)
			if !placed || w.keycode != here {
				w.cost++
			}
			if !found || w.cost < best.cost {
				best, found = w, true
			}
		}
	}
	return best, found
}

// pad tells the keysyms of a keypad.
func pad(s Keysym) bool { return s >= keypadFirst && s <= keypadLast }

// cased tells the letters of which programs make capitals while Caps Lock is
// on, where the keyboard itself does not say which level that leads to.
func cased(s Keysym) bool {
	r := rune(s &^ unicodeFirst) //nolint:gosec // at most 29 bits
	return (s <= 0xff || s >= unicodeFirst && r <= unicode.MaxRune) && unicode.ToUpper(r) != r
}

// rankOf is 0 for all spellings of one character: only the keypad's come first.
func rankOf(wanted []Keysym, s Keysym, rank int) int {
	if rank == 0 || pad(wanted[0]) == pad(s) {
		return 0
	}
	return 1
}

// reach gives what has to change for t to lead to level l.
func (b *Board) reach(t *Type, l int) (way, bool) {
	var best way
	found := false
	try := func(m Mods) {
		if t.level(m) != l {
			return
		}
		var w way
		for i := range 8 {
			bit := Mods(1) << i
			if t.Mask&bit == 0 || (m^b.state.Mods)&bit == 0 {
				continue
			}
			switch {
			case b.locks&bit != 0:
				w.locks |= bit
				w.want |= m & bit
				w.cost += 10
			case m&bit == 0:
				w.off |= bit
				w.cost += 4
			case b.shifts[bit] != 0:
				w.on |= bit
				w.cost += 4
			default:
				return
			}
		}
		if !found || w.cost < best.cost {
			best, found = w, true
		}
	}
	try(b.state.Mods & t.Mask)
	try(0)
	for _, e := range t.Entries {
		try(e.Mods)
	}
	return best, found
}

// play presses the key of w: for as long as e's code is down where no modifier
// has to change for it.
func (b *Board) play(w way, e Event, wanted []Keysym) {
	if w.locks != 0 {
		b.setLocks(w.locks, w.want)
	}
	if w.plain() {
		b.hold(e.Code, wanted, w.keycode)
		return
	}
	b.strike(w)
	b.held = append(b.held, held{code: e.Code, keysym: wanted[0], again: wanted})
}

func (b *Board) setLocks(m, on Mods) {
	b.out = append(b.out, Stroke{Op: SetLocks, Mods: m, On: on})
	b.state.Locked = b.state.Locked&^m | on
	b.state.Mods = b.state.Mods&^m | on
}

// strike presses and lets go, with the modifiers that w needs in between.
func (b *Board) strike(w way) {
	var lifted, pressed []Keycode
	for i := range b.held {
		c := b.held[i].keycode
		if c != 0 && b.layout.Keys[c].Mods&w.off != 0 && !slices.Contains(lifted, c) {
			b.out = append(b.out, Stroke{Op: Release, Keycode: c})
			lifted = append(lifted, c)
		}
	}
	for i := range 8 {
		if bit := Mods(1) << i; w.on&bit != 0 {
			c := b.shifts[bit]
			b.out = append(b.out, Stroke{Op: Press, Keycode: c})
			pressed = append(pressed, c)
		}
	}
	if slices.ContainsFunc(b.held, func(h held) bool { return h.keycode == w.keycode }) {
		b.out = append(b.out, Stroke{Op: Release, Keycode: w.keycode})
		b.held = slices.DeleteFunc(b.held, func(h held) bool { return h.keycode == w.keycode })
	}
	b.out = append(b.out, Stroke{Op: Press, Keycode: w.keycode}, Stroke{Op: Release, Keycode: w.keycode})
	for _, c := range slices.Backward(pressed) {
		b.out = append(b.out, Stroke{Op: Release, Keycode: c})
	}
	for _, c := range lifted {
		b.out = append(b.out, Stroke{Op: Press, Keycode: c})
	}
}

// tap strikes a key that repeats and cannot stay down.
func (b *Board) tap(wanted []Keysym, e Event) {
	b.agree(e.Flags)
	if w, ok := b.find(wanted, e.Code); ok {
		if w.locks != 0 {
			b.setLocks(w.locks, w.want)
		}
		b.strike(w)
	}
}

// borrow gives a spare keycode to a keysym that no key has: with Shift, where
// one has room for that.
func (b *Board) borrow(s Keysym) (way, bool) {
	busy := func(c Keycode) bool { return slices.ContainsFunc(b.held, func(h held) bool { return h.keycode == c }) }
	i := slices.IndexFunc(b.spare, func(c Keycode) bool { both, yes := b.given[c]; return yes && both[0] == both[1] && !busy(c) })
	room := i >= 0
	if !room {
		i = slices.IndexFunc(b.spare, func(c Keycode) bool { return !busy(c) })
	}
	if i < 0 {
		return way{}, false
	}
	c := b.spare[i]
	both, again := b.given[c]
	if room {
		both[1] = s
	} else {
		both = [2]Keysym{s, s}
	}
	b.given[c] = both
	t := &Type{Mask: Shift, Entries: []Entry{{Mods: Shift, Level: 1}}}
	b.layout.Keys[c] = Key{Groups: []Group{{Type: t, Symbols: both[:]}}, Outside: -1}
	b.out = append(b.out, Stroke{Op: Map, Keycode: c, Keysym: both[0], Shifted: both[1], Again: again && !room})
	b.keep(c)
	return b.find([]Keysym{s}, "")
}

// Text types what was pasted, composed or said, and leaves nothing held. Line
// ends are the Return key, other control characters are left out.
func (b *Board) Text(text string, s State) []Stroke {
	b.begin(s)
	b.rest = nil
	b.letGo(func(held) bool { return true })
	caps := b.state.Locked & Lock
	if caps != 0 {
		b.setLocks(Lock, 0)
	}
	for runes := typed(text); len(runes) > 0; {
		n := b.prepare(runes)
		for _, r := range runes[:n] {
			w, ok := b.find(spellings(r), "")
			if !ok {
				continue
			}
			if w.locks != 0 {
				b.setLocks(w.locks, w.want)
			}
			b.strike(w)
		}
		runes = runes[n:]
	}
	if caps != 0 {
		b.setLocks(Lock, Lock)
	}
	return b.out
}

// typed are the characters of a text that have a key, one for each line end.
func typed(text string) []rune {
	var out []rune
	var last rune
	for _, r := range text {
		if len(spellings(r)) > 0 && (last != '\r' || r != '\n') {
			out = append(out, r)
		}
		last = r
	}
	return out
}

// prepare borrows the keycodes that the first characters need, as many as there
// are, and says how many characters that is good for: at least one.
func (b *Board) prepare(runes []rune) int {
	used := map[Keycode]bool{} // of the spare ones
	for i, r := range runes {
		wanted := spellings(r)
		w, ok := b.find(wanted, "")
		if ok && !b.borrowed(w.keycode) {
			continue
		}
		if ok {
			b.keep(w.keycode)
		} else {
			if len(used) >= len(b.spare) && !b.room() && i > 0 {
				return i
			}
			if w, ok = b.borrow(wanted[0]); !ok {
				continue
			}
		}
		used[w.keycode] = true
	}
	return len(runes)
}

// room reports whether a borrowed keycode has one keysym only.
func (b *Board) room() bool {
	for _, both := range b.given {
		if both[0] == both[1] {
			return true
		}
	}
	return false
}

// keep makes a borrowed keycode the last to be given away.
func (b *Board) keep(c Keycode) {
	if i := slices.Index(b.spare, c); i >= 0 {
		b.spare = append(slices.Delete(b.spare, i, i+1), c)
	}
}
