package words

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEveryCodeIsASentence: each code of the list has one in English, of as many
// words as it says beside the code.
func TestEveryCodeIsASentence(t *testing.T) {
	source, err := os.ReadFile("words.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`Code = "([a-z0-9-]+)"(?: +// (.+))?`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 50 {
		t.Fatalf("%d codes", len(codes))
	}
	seen := map[string]bool{}
	for _, c := range codes {
		var args []string
		if c[2] != "" {
			for range strings.Split(c[2], ", ") {
				args = append(args, "argument "+strconv.Itoa(len(args)))
			}
		}
		got := Code(c[1]).Say(args...).String()
		if got == c[1] || strings.Contains(got, "%!") || !strings.Contains(got, " ") && c[1] != string(Other) {
			t.Errorf("%s: %q", c[1], got)
		}
		for _, a := range args {
			if !strings.Contains(got, a) {
				t.Errorf("%s: %q lacks %q", c[1], got, a)
			}
		}
		if seen[c[1]] || seen[got] {
			t.Errorf("%s is there twice: %q", c[1], got)
		}
		seen[c[1]], seen[got] = true, true
	}
}

// TestBounds: what a program of the device says fits into an event.
func TestBounds(t *testing.T) {
	if got := VideoFailed.Say(strings.Repeat("ä", 1000)); len(got.Args[0]) > maxArg || !strings.HasSuffix(got.Args[0], "ä") {
		t.Errorf("%d bytes: %q", len(got.Args[0]), got.Args[0])
	}
}
