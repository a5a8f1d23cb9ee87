package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxErrors is how many mistakes one Parse or Check reports.
const MaxErrors = 20

// Error is a mistake at a place of the text. Line and Column count from 1, the
// column in characters (runes), not bytes.
type Error struct {
	Line, Column int
	Msg          string
}

func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Msg) }

// Errors are the mistakes of a text in its order: at least one, at most
// MaxErrors. errors.As finds the first as *Error.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As and errors.Is look at each.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// sorted gives the first MaxErrors in the order of the text, or a nil error.
func (e Errors) sorted() error {
	if len(e) == 0 {
		return nil
	}
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e[:min(len(e), MaxErrors)]
}

// Place is where something stands in the text, from 1; see Error.
type Place struct{ Line, Column int }

func (p Place) errorf(format string, args ...any) *Error {
	return &Error{Line: p.Line, Column: p.Column, Msg: fmt.Sprintf(format, args...)}
}

// places turns byte offsets into places. It remembers the last answer and
// counts on from there: a text may be one line of 256 KiB.
type places struct {
	text  string
	lines []int // offset of each line's first byte

	last   int // offset
	answer Place
}

func newPlaces(text string) *places {
	p := &places{text: text, lines: []int{0}, answer: Place{1, 1}}
	for i := range len(text) {
		if text[i] == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	return p
}

func (p *places) at(offset int) Place {
	offset = min(max(offset, 0), len(p.text))
	line, _ := slices.BinarySearch(p.lines, offset+1) // how many begin at offset or before
	from, column := p.lines[line-1], 1
	if line == p.answer.Line && offset >= p.last {
		from, column = p.last, p.answer.Column
	}
	p.last, p.answer = offset, Place{line, column + utf8.RuneCountInString(p.text[from:offset])}
	return p.answer
}

// quote shows a piece of the text, shortened: it may be long and hostile.
func quote(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "..."
	}
	return fmt.Sprintf("%q", s)
}
