package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
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
// for them cells go on below themselves.
func (a *app) table(heading []string, rows [][]string) error {
	return writeLines(a.out, layOut(append([][]string{heading}, rows...), columns(a.out)))
}

func writeLines(w io.Writer, lines []string) error {
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return nil
}

// columns is the width of the terminal that w is, 0 where it is none.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// layOut are the lines of a table, of at most so many columns if not 0.
func layOut(rows [][]string, columns int) (lines []string) {
	const gap = "  "
	widths := fit(rows, columns, len(gap))
	for _, r := range rows {
		cells, height := make([][]string, len(r)), 0
		for i, c := range r {
			cells[i] = wrap(printable(c), widths[i])
			height = max(height, len(cells[i]))
		}
		for h := range height {
			var b strings.Builder
			for i, c := range cells {
				part := ""
				if h < len(c) {
					part = c[h]
				}
				fmt.Fprintf(&b, "%-*s"+gap, widths[i], part)
			}
			lines = append(lines, strings.TrimRight(b.String(), " "))
		}
	}
	return lines
}

// fit gives each column the room it wants, and where that is too much takes it
// from the widest, for as long as there is one to take from.
func fit(rows [][]string, columns, gap int) []int {
	widths := make([]int, len(rows[0]))
	total := gap * (len(widths) - 1)
	for i := range widths {
		for _, r := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(printable(r[i])))
		}
		total += widths[i]
	}
	const narrowest = 4
	for ; columns > 0 && total > columns; total-- {
		widest := 0
		for i, w := range widths {
			if w >= widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowest {
			break
		}
		widths[widest]--
	}
	return widths
}

// wrap cuts text between words, and a word only where it has no room in a line
// of its own. It gives one line at least.
func wrap(text string, room int) (lines []string) {
	var line []rune
	for i, word := range strings.Split(text, " ") {
		next := []rune(word)
		switch {
		case i == 0:
		case len(line)+1+len(next) > room:
			lines, line = append(lines, string(line)), nil
		default:
			line = append(line, ' ')
		}
		for line = append(line, next...); len(line) > max(room, 1); line = line[room:] {
			lines = append(lines, string(line[:room]))
		}
	}
	return append(lines, string(line))
}

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
		return fault.New(fault.Invalid, "no answer").Try("the same again, or with --yes")
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return fault.New(fault.Invalid, "not confirmed, nothing was changed").Try("the same again, and y")
}

// nonNil turns a nil list into an empty one, for JSON.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
