package main

import (
	"fmt"
	"slices"
	"time"
)

// sample is one thing measured several times.
type sample []time.Duration

// milliseconds makes a sample of what a lab noted.
func milliseconds(values []float64) sample {
	var s sample
	for _, v := range values {
		s.add(time.Duration(v * float64(time.Millisecond)))
	}
	return s
}

func (s *sample) add(d time.Duration) { *s = append(*s, d) }

// at gives the value below which the share p of the sample lies.
func (s sample) at(p float64) time.Duration { return at(s, p) }

func (s sample) median() time.Duration { return s.at(0.5) }

func (s sample) worst() time.Duration { return s.at(1) }

func (s sample) String() string {
	return fmt.Sprintf("%s (p95 %s, %d runs)", short(s.median()), short(s.at(0.95)), len(s))
}

func at[T time.Duration | float64](values []T, p float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

// rates are Mbit/s, measured several times.
type rates []float64

func (r rates) median() float64 { return at(r, 0.5) }

func (r rates) String() string {
	return fmt.Sprintf("%.0f Mbit/s (%.0f to %.0f, %d runs)", r.median(), at(r, 0), at(r, 1), len(r))
}

func short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// ratio of two medians, 0 where there is none.
func ratio[T time.Duration | float64](ours, theirs T) float64 {
	if theirs == 0 {
		return 0
	}
	return float64(ours) / float64(theirs)
}
