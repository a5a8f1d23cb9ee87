package care

import (
	"strconv"
	"unicode/utf8"
)

// layer is a text as it reads after something was done to it, with where each
// of its bytes came from.
type layer struct {
	text     []byte
	from, to []int32 // nil where the text is what there was
}

func plain(s string) layer { return layer{text: []byte(s)} }

// span is where text[i:j] came from.
func (l layer) span(i, j int) span {
	if l.from == nil || i == j {
		return span{i, j}
	}
	return span{int(l.from[i]), int(l.to[j-1])}
}

// put adds bytes that l.text[i:j] stands for to out.
func (l layer) put(out *layer, i, j int, b ...byte) {
	at := l.span(i, j)
	for _, c := range b {
		out.text, out.from, out.to = append(out.text, c), append(out.from, int32(at.from)), append(out.to, int32(at.to)) //nolint:gosec // a text in memory
	}
}

// each makes a layer of what keep gives for each byte of the text, if anything.
func (l layer) each(keep func(i int) (byte, bool)) layer {
	n := len(l.text)
	out := layer{text: make([]byte, 0, n), from: make([]int32, 0, n), to: make([]int32, 0, n)}
	for i := range l.text {
		if c, ok := keep(i); ok {
			l.put(&out, i, i+1, c)
		}
	}
	return out
}

// unquoted takes one layer of quoting away: percent (RFC 3986), backslash (Go,
// JSON, C) and the entities of HTML. It reports whether there was any.
func unquoted(l layer) (out layer, quoted bool) {
	n := len(l.text)
	out = layer{text: make([]byte, 0, n), from: make([]int32, 0, n), to: make([]int32, 0, n)}
	for i := 0; i < n; {
		b, used := unquote(l.text[i:])
		if used == 0 {
			b, used = l.text[i:i+1], 1
		} else {
			quoted = true
		}
		l.put(&out, i, i+used, b...)
		i += used
	}
	return out, quoted
}

// unquote reads one quoted character at the beginning of s.
func unquote(s []byte) (b []byte, used int) {
	switch s[0] {
	case '%':
		return number(s, 1, 2, 16, false)
	case '&':
		return entity(s)
	case '\\':
		if len(s) < 2 {
			return nil, 0
		}
	default:
		return nil, 0
	}
	switch c := s[1]; c {
	case 'x':
		return number(s, 2, 2, 16, false)
	case 'u':
		return number(s, 2, 4, 16, true)
	case 'U':
		return number(s, 2, 8, 16, true)
	case '0', '1', '2', '3':
		return number(s, 1, 3, 8, false)
	case '"', '\'', '\\', '/', '`':
		return s[1:2], 2
	case 'a', 'b', 'f', 'n', 'r', 't', 'v':
		const names, values = "abfnrtv", "\a\b\f\n\r\t\v"
		for i := range names {
			if names[i] == c {
				return []byte{values[i]}, 2
			}
		}
	}
	return nil, 0
}

// number reads a byte, or a rune, of so many digits.
func number(s []byte, at, digits, base int, isRune bool) (b []byte, used int) {
	if len(s) < at+digits {
		return nil, 0
	}
	n, err := strconv.ParseUint(string(s[at:at+digits]), base, 32)
	switch {
	case err != nil, !isRune && n > 255:
		return nil, 0
	case isRune:
		return utf8.AppendRune(nil, rune(n)), at + digits //nolint:gosec // AppendRune takes any
	}
	return []byte{byte(n)}, at + digits
}

func entity(s []byte) (b []byte, used int) {
	const longest = 10
	for end := 2; end < min(len(s), longest); end++ {
		if s[end] != ';' {
			continue
		}
		name := string(s[1:end])
		switch name {
		case "amp":
			return []byte("&"), end + 1
		case "lt":
			return []byte("<"), end + 1
		case "gt":
			return []byte(">"), end + 1
		case "quot":
			return []byte(`"`), end + 1
		case "apos":
			return []byte("'"), end + 1
		}
		if name[0] == '#' {
			digits, base := name[1:], 10
			if digits != "" && (digits[0] == 'x' || digits[0] == 'X') {
				digits, base = digits[1:], 16
			}
			if n, err := strconv.ParseUint(digits, base, 21); err == nil {
				return utf8.AppendRune(nil, rune(n)), end + 1
			}
		}
		return nil, 0
	}
	return nil, 0
}
