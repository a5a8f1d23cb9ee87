package main

import (
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
	if got, want := s.String(), "5.0 ms (p95 9.0 ms, 5 runs)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if s[0] != 9*time.Millisecond {
		t.Error("looking at the sample sorted it")
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		got  float64
		want string
	}{{0.5, "met: 0.50"}, {0.51, "**missed**: 0.51, 1.0 times the bar"}, {1, "**missed**: 1.00, 2.0 times the bar"}} {
		if got := verdict(tt.got, 0.5, "%.2f"); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
