package keys

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMap means that bytes are no keyboard map.
var ErrMap = errors.New("not a keyboard map")

// MapParts are the parts of a keyboard that XkbGetMap must be asked for: key
// types, symbols, the modifier map and actions.
const MapParts = 1<<0 | 1<<1 | 1<<2 | 1<<4

// Bounds of a map: the protocol's own.
const (
	maxTypes  = 255
	maxLevels = 255
	maxGroups = 4
)

// setMods is the action of a key that turns modifiers on.
const setMods = 1

// Decode reads the reply of XkbGetMap (The X Keyboard Extension, appendix D).
func Decode(reply []byte) (Layout, error) {
	var l Layout
	r := reader{b: reply, le: binary.LittleEndian}
	head := r.take(40)
	if r.short {
		return l, fmt.Errorf("%d bytes: %w", len(reply), ErrMap)
	}
	present := r.le.Uint16(head[12:])
	if present != MapParts {
		return l, fmt.Errorf("parts %#x: %w", present, ErrMap)
	}
	types := make([]Type, head[15])
	if head[14] != 0 {
		return l, fmt.Errorf("types from %d: %w", head[14], ErrMap)
	}
	for i := range types {
		types[i] = r.keyType()
	}
	first, count := int(head[17]), int(head[20])
	if first+count > len(l.Keys) {
		return l, fmt.Errorf("keys %d to %d: %w", first, first+count-1, ErrMap)
	}
	for c := first; c < first+count; c++ {
		if err := r.key(&l.Keys[c], types); err != nil {
			return Layout{}, fmt.Errorf("key %d: %w", c, err)
		}
	}
	// Of what a key does, only the modifiers count that it turns on while it is
	// down: AltGr is in no modifier map.
	first, count = int(head[21]), int(head[24])
	if first+count > len(l.Keys) {
		return Layout{}, fmt.Errorf("actions of keys %d to %d: %w", first, first+count-1, ErrMap)
	}
	counts := r.take((count + 3) &^ 3)
	for i, n := range counts[:count] {
		for j := range int(n) {
			if action := r.take(8); j == 0 && action[0] == setMods {
				l.Keys[first+i].Mods |= Mods(action[2])
			}
		}
	}
	for range int(head[33]) {
		pair := r.take(2)
		if !r.short {
			l.Keys[pair[0]].Mods |= Mods(pair[1])
		}
	}
	if r.short {
		return Layout{}, fmt.Errorf("cut short at %d bytes: %w", len(reply), ErrMap)
	}
	return l, nil
}

// reader takes bytes from the front; past the end it gives zeros and says so.
type reader struct {
	b     []byte
	le    binary.ByteOrder
	short bool
}

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		r.short, r.b = true, nil
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) keyType() Type {
	h := r.take(8)
	t := Type{Mask: Mods(h[0])}
	entries, preserve := int(h[5]), h[6] != 0
	for range entries {
		e := r.take(8)
		if e[0] != 0 && int(e[2]) < maxLevels { // what no key turns on is not active
			t.Entries = append(t.Entries, Entry{Mods: Mods(e[1]), Level: int(e[2])})
		}
	}
	if preserve {
		r.take(4 * entries)
	}
	return t
}

func (r *reader) key(k *Key, types []Type) error {
	h := r.take(8)
	kinds, info, width := h[:4], h[4], int(h[5])
	groups, symbols := int(info&0xf), int(r.le.Uint16(h[6:]))
	if groups > maxGroups || symbols != groups*width {
		if r.short {
			return nil
		}
		return fmt.Errorf("%d symbols in %d groups of %d: %w", symbols, groups, width, ErrMap)
	}
	// Bits 6 and 7 say what becomes of a group that the key does not have.
	k.Outside = -1
	switch info & 0xc0 {
	case 0x40:
		k.Outside = max(groups-1, 0)
	case 0x80:
		k.Outside = int(info>>4) & 3
	}
	list := r.take(4 * symbols)
	for g := range groups {
		if int(kinds[g]) >= len(types) {
			return fmt.Errorf("type %d of %d: %w", kinds[g], len(types), ErrMap)
		}
		own := Group{Type: &types[kinds[g]], Symbols: make([]Keysym, width)}
		for i := range own.Symbols {
			own.Symbols[i] = Keysym(r.le.Uint32(list[4*(g*width+i):]))
		}
		k.Groups = append(k.Groups, own)
	}
	return nil
}
