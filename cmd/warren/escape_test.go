package main

import (
	"bytes"
	"strings"
	"testing"
)

// type feeds what is typed in the pieces given, until the session ends.
func typed(pieces ...string) (sent string, end bool) {
	e := escape{atLineStart: true}
	var out strings.Builder
	for _, p := range pieces {
		send, end := e.filter([]byte(p))
		out.Write(send)
		if end {
			return out.String(), true
		}
	}
	return out.String(), false
}

func TestEscape(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		keys string
		sent string
		end  bool
	}{
		"nothing":                {"", "", false},
		"text":                   {"ls -l\r", "ls -l\r", false},
		"the end":                {"~.", "", true},
		"the end on a line":      {"ls\r~.rest", "ls\r", true},
		"the end after a feed":   {"ls\n~.", "ls\n", true},
		"within a line":          {"cd a~.b\r", "cd a~.b\r", false},
		"one tilde of two":       {"~~.", "~.", false},
		"two tildes, then more":  {"~~~.", "~~.", false},
		"a home":                 {"~/bin\r", "~/bin\r", false},
		"another's home":         {"\r~anna\r~.", "\r~anna\r", true},
		"a tilde alone is kept":  {"\r~", "\r", false},
		"a tilde, then return":   {"~\r~.", "~\r", true},
		"a dot first":            {".~.", ".~.", false},
		"a space first":          {" ~.", " ~.", false},
		"bytes that are no text": {"\xff\x00~.\r~.", "\xff\x00~.\r", true},
	}
	for name, tt := range tests {
		if sent, end := typed(tt.keys); sent != tt.sent || end != tt.end {
			t.Errorf("%s: %q gives %q, end %v; want %q, %v", name, tt.keys, sent, end, tt.sent, tt.end)
		}
	}
}

// FuzzEscape wants one answer however what is typed arrives, and the same as a
// slower way gives.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"~.", "ls\r~.", "~~.", "a~.\n~", "\r\n~~~.~."} {
		f.Add([]byte(s), uint(1))
	}
	f.Fuzz(func(t *testing.T, keys []byte, cut uint) {
		wantSent, wantEnd := slowly(string(keys))
		at := int(cut % uint(len(keys)+1)) //nolint:gosec // small
		for _, pieces := range [][]string{{string(keys)}, {string(keys[:at]), string(keys[at:])}, bytewise(keys)} {
			if sent, end := typed(pieces...); sent != wantSent || end != wantEnd {
				t.Errorf("%q gives %q, %v; want %q, %v", pieces, sent, end, wantSent, wantEnd)
			}
		}
		e := escape{atLineStart: true}
		given := bytes.Clone(keys)
		if _, _ = e.filter(keys); !bytes.Equal(keys, given) {
			t.Error("what was typed was overwritten")
		}
	})
}

func bytewise(keys []byte) []string {
	var out []string
	for _, b := range keys {
		out = append(out, string([]byte{b}))
	}
	return out
}

// slowly is what escape does, line by line.
func slowly(keys string) (sent string, end bool) {
	for keys != "" {
		n := strings.IndexAny(keys, "\r\n") + 1
		if n == 0 {
			n = len(keys)
		}
		line := keys[:n]
		keys = keys[n:]
		switch {
		case strings.HasPrefix(line, "~."):
			return sent, true
		case strings.HasPrefix(line, "~~"):
			line = line[1:]
		case line == "~" && keys == "":
			line = "" // waits for what follows
		}
		sent += line
	}
	return sent, false
}
