package fault

import (
	"strings"
	"unicode"
)

// maxText bounds what one error may print, in runes: a remote machine wrote
// some of it.
const maxText = 2000

// Format gives err as the one line a person reads:
//
//	warren: what happened; try: what to do
//
// An internal error also tells its id, by which the node's log has more.
// Line breaks become "; " and other control characters U+FFFD, so that no
// error can move a terminal's cursor. It is empty for nil.
func Format(err error) string {
	f := Of(err)
	if f == nil {
		return ""
	}
	line := "warren: " + oneLine(f.Error())
	if f.ID != "" && f.Kind == Internal {
		line += " (error " + oneLine(f.ID) + ")"
	}
	if f.Hint != "" {
		line += "; try: " + oneLine(f.Hint)
	}
	return line
}

func oneLine(s string) string {
	var b strings.Builder
	for n, r := range []rune(strings.TrimSpace(s)) {
		switch {
		case n == maxText:
			b.WriteString("...")
			return b.String()
		case r == '\n':
			b.WriteString("; ")
		case r == '\r':
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteRune(unicode.ReplacementChar)
		}
	}
	return b.String()
}
