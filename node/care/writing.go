package care

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strconv"
)

const (
	// gram is how long a piece of a written secret is by which it is known, in
	// characters: 80 bits of hex, 100 of base32, 120 of base64. So it is found
	// inside something longer, broken into lines, or cut.
	gram = 20
	// rawGram is the same for its very bytes, lossyGram for what JSON leaves.
	rawGram   = 8
	lossyGram = 16
)

// writing is one way to write secrets, and the pieces of those that it knows.
type writing struct {
	// read is a text as this writing is looked for: without what may stand
	// between its characters, in one case, in one alphabet.
	read func(layer) layer
	// write gives what a secret comes to, read so.
	write  func(secret []byte) [][]byte
	length int
	grams  map[int]map[string]struct{} // by length
}

func writings() []writing {
	return []writing{
		{read: folded, write: rawOf, length: rawGram},
		{read: folded, write: lossyOf, length: lossyGram},
		{read: hexOnly, write: hexOf, length: gram},
		{read: base64Only, write: base64Of, length: gram},
		{read: base32Only, write: base32Of, length: gram},
		{read: numbersOnly, write: numbersOf, length: gram},
	}
}

func (w *writing) learn(secret []byte) {
	if w.grams == nil {
		w.grams = map[int]map[string]struct{}{}
	}
	for _, s := range w.write(secret) {
		n := min(w.length, len(s))
		if n > 0 && w.grams[n] == nil {
			w.grams[n] = map[string]struct{}{}
		}
		for i := 0; n > 0 && i+n <= len(s); i++ {
			w.grams[n][string(s[i:i+n])] = struct{}{}
		}
	}
}

// find adds where a known secret stands in a text.
func (w *writing) find(l layer, hidden *spans) {
	if len(w.grams) == 0 {
		return
	}
	in := w.read(l)
	for n, set := range w.grams {
		for i := 0; i+n <= len(in.text); i++ {
			if _, ok := set[string(in.text[i:i+n])]; ok {
				hidden.add(in.span(i, i+n))
			}
		}
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func folded(l layer) layer {
	return l.each(func(i int) (byte, bool) { return lower(l.text[i]), true })
}

func fold(s []byte) []byte { return folded(layer{text: s}).text }

// rawOf is the very bytes, also as they are where a blank became a plus sign.
func rawOf(secret []byte) [][]byte {
	return [][]byte{fold(secret), fold(bytes.ReplaceAll(secret, []byte(" "), []byte("+")))}
}

// lossyOf is the bytes as JSON has them: what is no UTF-8 became U+FFFD. Pieces
// of little else are left out.
func lossyOf(secret []byte) (out [][]byte) {
	const least = 4
	s := fold([]byte(string([]rune(string(secret)))))
	own := bytes.ReplaceAll(s, []byte("\uFFFD"), make([]byte, len("\uFFFD"))) // zero where it was no UTF-8, cut or whole
	for i := 0; i+lossyGram <= len(s); i++ {
		if lossyGram-bytes.Count(own[i:i+lossyGram], []byte{0}) >= least {
			out = append(out, s[i:i+lossyGram])
		}
	}
	return out
}

// hexOnly leaves out separators and the prefix 0x.
func hexOnly(l layer) layer {
	return l.each(func(i int) (byte, bool) {
		c := lower(l.text[i])
		prefix := c == '0' && i+1 < len(l.text) && lower(l.text[i+1]) == 'x'
		return c, (isDigit(c) || 'a' <= c && c <= 'f') && !prefix
	})
}

// hexOf has two digits a byte, and as few as Go's %#v writes.
func hexOf(secret []byte) [][]byte {
	var few []byte
	for _, b := range secret {
		few = strconv.AppendUint(few, uint64(b), 16)
	}
	return [][]byte{[]byte(hex.EncodeToString(secret)), few}
}

// base64Only is both alphabets of RFC 4648, as the first.
func base64Only(l layer) layer {
	return l.each(func(i int) (byte, bool) {
		switch c := l.text[i]; {
		case c == '-':
			return '+', true
		case c == '_':
			return '/', true
		default:
			return c, isDigit(c) || 'a' <= lower(c) && lower(c) <= 'z' || c == '+' || c == '/'
		}
	})
}

func base64Of(secret []byte) [][]byte {
	return within(secret, 3, 6, base64.RawStdEncoding.EncodeToString)
}

// base32Only is both alphabets of RFC 4648, in groups or not.
func base32Only(l layer) layer {
	return l.each(func(i int) (byte, bool) {
		c := lower(l.text[i])
		return c, isDigit(c) || 'a' <= c && c <= 'z'
	})
}

func base32Of(secret []byte) [][]byte {
	std, extended := base32.StdEncoding.WithPadding(base32.NoPadding), base32.HexEncoding.WithPadding(base32.NoPadding)
	var out [][]byte
	for _, s := range append(within(secret, 5, 5, std.EncodeToString), within(secret, 5, 5, extended.EncodeToString)...) {
		out = append(out, fold(s))
	}
	return out
}

// within is a secret inside something longer: it may begin at any byte of a
// block. Of its characters those are taken that have no other bits in them.
func within(secret []byte, block, bits int, encode func([]byte) string) (out [][]byte) {
	for before := range block {
		s := encode(append(make([]byte, before), secret...))
		out = append(out, []byte(s[(8*before+bits-1)/bits:8*(before+len(secret))/bits]))
	}
	return out
}

// numbersOnly are decimal numbers with one blank between them.
func numbersOnly(l layer) layer {
	return l.each(func(i int) (byte, bool) {
		if c := l.text[i]; isDigit(c) {
			return c, true
		}
		return ' ', i == 0 || isDigit(l.text[i-1])
	})
}

func numbersOf(secret []byte) [][]byte {
	var out []byte
	for i, b := range secret {
		if i > 0 {
			out = append(out, ' ')
		}
		out = strconv.AppendUint(out, uint64(b), 10)
	}
	return [][]byte{out}
}
