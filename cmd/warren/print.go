package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"warren/node/fault"
)

// printJSON writes v and a line break. Lists in v must not be nil.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table writes rows under a heading, aligned. On a terminal that is too narrow
// the last column goes on below itself.
func (a *app) table(heading []string, rows [][]string) error {
	for _, l := range layOut(heading, rows, a.columns()) {
		if _, err := fmt.Fprintln(a.out, l); err != nil {
			return err
		}
	}
	return nil
}

// columns is the width of the terminal that is written to, 0 where it is none.
func (a *app) columns() int {
	f, ok := a.out.(*os.File)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

// narrowest is what the last column gets at least, so that a word stays one.
const narrowest = 24

// layOut are a table's lines, of at most so many columns if not 0.
func layOut(heading []string, rows [][]string, columns int) (lines []string) {
	const gap = "  "
	last, left := len(heading)-1, 0
	widths := make([]int, last)
	all := append([][]string{heading}, rows...)
	for i := range widths {
		for _, r := range all {
			widths[i] = max(widths[i], utf8.RuneCountInString(printable(r[i])))
		}
		left += widths[i] + len(gap)
	}
	room := math.MaxInt
	if columns > 0 {
		room = max(columns-left, narrowest)
	}
	for _, r := range all {
		var b strings.Builder
		for i, w := range widths {
			fmt.Fprintf(&b, "%-*s"+gap, w, printable(r[i]))
		}
		for i, part := range wrap(printable(r[last]), room) {
			if i > 0 {
				b.Reset()
				fmt.Fprintf(&b, "%*s", left, "")
			}
			lines = append(lines, strings.TrimRight(b.String()+part, " "))
		}
	}
	return lines
}

// wrap cuts text between words, at least one line.
func wrap(text string, room int) (lines []string) {
	line, used := "", 0
	for word := range strings.SplitSeq(text, " ") {
		n := utf8.RuneCountInString(word)
		if line != "" && used+1+n > room {
			lines = append(lines, line)
			line, used = "", 0
		}
		if line != "" {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	return append(lines, line)
}

// clock is how people read a time: in their own zone.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// printable keeps what machines say of themselves from driving the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// say writes a line for people to stderr.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

// confirm asks; --yes answers. Where nobody can be asked it is an error.
func (a *app) confirm(question string) error {
	if a.yes {
		return nil
	}
	if !a.interactive() {
		return fault.New(fault.Invalid, "this needs a yes, and there is no terminal to ask on").Try("the same with --yes")
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer, err := bufio.NewReader(io.LimitReader(a.in, 1024)).ReadString('\n')
	if err != nil && answer == "" {
		return fault.New(fault.Invalid, "no answer")
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return fault.New(fault.Invalid, "not confirmed, nothing was changed")
}

// nonNil turns a nil list into an empty one, for JSON.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
