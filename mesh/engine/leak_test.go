package engine

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRunLeavesNoGoroutines counts what an engine that has carried traffic
// leaves behind.
func TestRunLeavesNoGoroutines(t *testing.T) {
	before := stacks()
	func() {
		a := start(t, 1, Options{Loopback: true})
		b := start(t, 2, Options{Loopback: true})
		a.apply(allowAll(), b)
		b.apply(allowAll(), a)
		b.echo(b.at(2200))
		if err := a.says(within(t, 5*time.Second), b.at(2200), "hello"); err != nil {
			t.Fatal(err)
		}
		a.end()
		b.end()
	}()
	var left []string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		left = left[:0]
		for _, s := range stacks() {
			if !known(before, s) && !strings.Contains(s, "testing.") {
				left = append(left, s)
			}
		}
		if len(left) == 0 {
			return
		}
	}
	t.Errorf("%d goroutines left:\n%s", len(left), strings.Join(left, "\n\n"))
}

func stacks() []string {
	buf := make([]byte, 4<<20)
	return strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
}

// known compares the numbers of goroutines, which are never used again.
func known(list []string, s string) bool {
	return slices.ContainsFunc(list, func(o string) bool { return number(o) == number(s) })
}

func number(s string) string {
	first, _, _ := strings.Cut(s, "[")
	return first
}
