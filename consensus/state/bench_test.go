package state_test

import (
	"fmt"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/state"
)

// populated is a state with that many machines, each invited, claimed and
// approved.
func populated(tb testing.TB, devices int) *world {
	tb.Helper()
	w := founded(tb)
	apply := func(c any) {
		tb.Helper()
		w.index++
		var r state.Result
		switch body := c.(type) {
		case *warrenv1.InviteMade:
			r = w.state.Apply(w.index, w.Command(body, 0))
		case *warrenv1.InviteClaimed:
			r = w.state.Apply(w.index, w.Command(body, 0))
		case *warrenv1.EntriesAppended:
			r = w.state.Apply(w.index, w.Command(body, 0))
		}
		if r.Err != nil {
			tb.Fatal(r.Err)
		}
	}
	var inv *warrenv1.InviteMade
	for machine := range devices {
		n := machine / 1000
		if machine%1000 == 0 {
			inv = w.Invite(w.log(), n, func(i *warrenv1.Invite) { i.Uses = 1000 })
			apply(inv)
		}
		apply(w.Claim(w.log(), n, machine+1, nil))
		apply(w.Append(w.log(), w.Record(w.log(), inv, machine+1)))
	}
	return w
}

func BenchmarkMarshal(b *testing.B) {
	for _, devices := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			w := populated(b, devices)
			raw := bytesOf(b, w.state)
			for b.Loop() {
				bytesOf(b, w.state)
			}
			b.ReportMetric(float64(len(raw))/float64(devices), "B/device")
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for _, devices := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			raw := bytesOf(b, populated(b, devices).state)
			for b.Loop() {
				if err := state.New().Unmarshal(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkApply is one more machine in a fleet: its claim and its record.
func BenchmarkApply(b *testing.B) {
	for _, devices := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			w := populated(b, devices)
			raw := bytesOf(b, w.state)
			n := devices/1000 + 1
			inv := w.Invite(w.log(), n)
			claim := w.Command(w.Claim(w.log(), n, devices+1, nil), 0)
			record := w.Command(w.Append(w.log(), w.Record(w.log(), inv, devices+1)), 0)
			made := w.Command(inv, 0)
			b.ResetTimer()
			b.StopTimer()
			for range b.N {
				s := state.New()
				if err := s.Unmarshal(raw); err != nil {
					b.Fatal(err)
				}
				if r := s.Apply(1<<30, made); r.Err != nil {
					b.Fatal(r.Err)
				}
				b.StartTimer()
				if r := s.Apply(1<<30+1, claim); r.Err != nil {
					b.Fatal(r.Err)
				}
				if r := s.Apply(1<<30+2, record); r.Err != nil {
					b.Fatal(r.Err)
				}
				b.StopTimer()
			}
		})
	}
}
