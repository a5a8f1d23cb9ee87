package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSample(t *testing.T) {
	t.Parallel()
	var s sample
	if s.median() != 0 {
		t.Errorf("median of nothing is %v", s.median())
	}
	for _, ms := range []int{9, 1, 5, 3, 7} {
		s.add(time.Duration(ms) * time.Millisecond)
	}
	if got := s.median(); got != 5*time.Millisecond {
		t.Errorf("median %v, want 5ms", got)
	}
	if got := s.at(0.95); got != 9*time.Millisecond {
		t.Errorf("p95 %v, want 9ms", got)
	}
	if got, want := s.String(), "5.00 ms (p95 9.00 ms, 5 runs)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if s[0] != 9*time.Millisecond {
		t.Error("looking at the sample sorted it")
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	if got, want := (rates{900, 1200, 1000}).String(), "1000 Mbit/s (900 to 1200, 3 runs)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := ratio(rates(nil).median(), 0); got != 0 {
		t.Errorf("ratio of nothing is %v", got)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ got, want string }{
		{atMost(0.5, 0.5, "%.2f"), "met: 0.50"},
		{atMost(0.51, 0.5, "%.2f"), "**missed**: 0.51, 1.0 times the bar"},
		{atMost(1, 0.5, "%.2f"), "**missed**: 1.00, 2.0 times the bar"},
		{atLeast(1, 1, "%.2f"), "met: 1.00"},
		{atLeast(0.6, 0.8, "%.2f"), "**missed**: 0.60, 0.75 of the bar"},
		{goal(1.2, 1.2), "goal reached: 1.20"},
		{goal(1.21, 1.2), "reported: 1.21"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// TestMissing has a step that added one of its rows and failed then.
func TestMissing(t *testing.T) {
	t.Parallel()
	var r report
	r.add("a", "1 ms", "", "", "met")
	r.missing([]string{"a", "b"}, errors.New("no | in\na table"))
	r.missing([]string{"c"}, nil)
	want := []row{
		{"a", "1 ms", "", "", "met"},
		{what: "b", verdict: "not measured: no / in"},
		{what: "c", verdict: "not measured: no figure came of it"},
	}
	if !slices.Equal(r.rows, want) {
		t.Errorf("%q, want %q", r.rows, want)
	}
	text := r.text([]string{"ssh 9", "wg 1"})
	for _, line := range []string{"| a | 1 ms |  |  | met |", "| b |  |  |  | not measured: no / in |", "Peers: ssh 9, wg 1."} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

// TestSteps has each row measured by one step.
func TestSteps(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range steps() {
		for _, name := range s.rows {
			if seen[name] {
				t.Errorf("%q is measured twice", name)
			}
			seen[name] = true
		}
	}
	if len(seen) != 21 {
		t.Errorf("%d rows, want 21", len(seen))
	}
}

func TestSlowestOf(t *testing.T) {
	t.Parallel()
	kind, took := slowestOf([]byte(`goos: linux
BenchmarkFor5000/controller-2         	     100	  11000000 ns/op	   5000 peers
BenchmarkFor5000/admin-2              	     100	  12000000.5 ns/op
BenchmarkFor5000/device-2             	     100	   1000000 ns/op
PASS
`))
	if kind != "admin" || took != 12*time.Millisecond {
		t.Errorf("%s takes %s", kind, took)
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	var f figures
	if err := json.Unmarshal([]byte(`{"list": [1, 2.5], "one": 3, "word": "x", "none": null}`), &f); err != nil {
		t.Fatal(err)
	}
	if got := f.list("list"); !slices.Equal(got, []float64{1, 2.5}) {
		t.Errorf("list %v", got)
	}
	if got := f.list("word"); len(got) != 0 {
		t.Errorf("word is a list: %v", got)
	}
	if got, ok := f.number("one"); !ok || got != 3 {
		t.Errorf("one is %v, %v", got, ok)
	}
	for _, name := range []string{"none", "missing", "word"} {
		if got, ok := f.number(name); ok {
			t.Errorf("%s is the number %v", name, got)
		}
	}
}

// TestSectionsOfOthersStay: make bench writes its own part of the report anew.
func TestSectionsOfOthersStay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "benchmarks.md")
	if got, err := sections(path); got != "" || err != nil {
		t.Errorf("of no report: %q, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("# Benchmarks\n\n| a |\n\n## The console\n\nkept\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := sections(path); got != "\n## The console\n\nkept\n" || err != nil {
		t.Errorf("kept is %q, %v", got, err)
	}
}
