package keys

import "unicode"

// Keysym is a symbol on a key (X Window System Protocol, appendix A).
type Keysym uint32

// The keysyms that this package knows by name.
const (
	none         Keysym = 0
	isoLevel3    Keysym = 0xfe03
	isoLevel5    Keysym = 0xfe11
	backSpace    Keysym = 0xff08
	tab          Keysym = 0xff09
	returnKey    Keysym = 0xff0d
	modeSwitch   Keysym = 0xff7e
	numLock      Keysym = 0xff7f
	shiftL       Keysym = 0xffe1
	shiftR       Keysym = 0xffe2
	controlL     Keysym = 0xffe3
	controlR     Keysym = 0xffe4
	capsLock     Keysym = 0xffe5
	metaL        Keysym = 0xffe7
	metaR        Keysym = 0xffe8
	altL         Keysym = 0xffe9
	altR         Keysym = 0xffea
	superL       Keysym = 0xffeb
	superR       Keysym = 0xffec
	keypadFirst  Keysym = 0xff80
	keypadLast   Keysym = 0xffbd
	unicodeFirst Keysym = 0x01000000
)

// keysymOf gives the keysym that layouts made today have for r.
func keysymOf(r rune) Keysym {
	switch {
	case r >= 0x20 && r < 0x7f || r >= 0xa0 && r <= 0xff:
		return Keysym(r)
	case r == '\n' || r == '\r':
		return returnKey
	case r == '\t':
		return tab
	case r < 0x20 || r >= 0x7f && r < 0xa0 || r > unicode.MaxRune || r >= 0xd800 && r < 0xe000:
		return none
	}
	return unicodeFirst | Keysym(r)
}

// spellings are all keysyms that type r, the usual one first.
func spellings(r rune) []Keysym {
	first := keysymOf(r)
	if first == none {
		return nil
	}
	out := []Keysym{first}
	if other := unicodeFirst | Keysym(r); other != first && r >= 0x20 {
		out = append(out, other)
	}
	for _, p := range legacy() {
		at := p.first
		for _, one := range p.runes {
			if one == r && r != ' ' {
				out = append(out, at)
			}
			at++
		}
	}
	return out
}
