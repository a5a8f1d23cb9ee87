package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"warren/node/fault"
)

// printJSON writes v and a line break. Lists in v must not be nil.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table writes rows under a heading, aligned.
func (a *app) table(heading []string, rows [][]string) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(cells []string) {
		for i, c := range cells {
			cells[i] = printable(c)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	line(heading)
	for _, r := range rows {
		line(r)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for l := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(a.out, strings.TrimRight(l, " \n")); err != nil {
			return err
		}
	}
	return nil
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
