package store

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"warren/consensus/command"
	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
)

// BenchmarkPropose counts acknowledged commands, each a signed revocation of
// about 250 bytes: on the disk, verified, applied.
func BenchmarkPropose(b *testing.B) {
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			m := statetest.New(b, "acme")
			s := start(b, config(b.TempDir(), m.Node.ID(), &storetest.Network{}))
			ctx := within(b, 10*time.Minute)
			if err := s.Bootstrap(ctx, founding(b, m)); err != nil {
				b.Fatal(err)
			}
			log := s.State().Log()
			commands := make([]command.Command, b.N)
			for i := range commands {
				commands[i] = revocation(b, m, log, uint64(i))
			}
			var next atomic.Int64
			b.SetParallelism(max(1, writers/2)) // times two cores
			b.ResetTimer()
			began := time.Now()
			each := func() {
				if _, err := s.Propose(ctx, commands[next.Add(1)-1]); err != nil {
					b.Error(err)
				}
			}
			if writers == 1 {
				for range b.N {
					each()
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						each()
					}
				})
			}
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "commits/s")
			b.StopTimer()
			if err := s.stop(b); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkStart is from Open to a linearisable read, with a thousand commands
// in the log.
func BenchmarkStart(b *testing.B) {
	m := statetest.New(b, "acme")
	dir := b.TempDir()
	var net storetest.Network
	s := start(b, config(dir, m.Node.ID(), &net))
	ctx := within(b, 10*time.Minute)
	if err := s.Bootstrap(ctx, founding(b, m)); err != nil {
		b.Fatal(err)
	}
	for n := range uint64(1000) {
		if _, err := s.Propose(ctx, revocation(b, m, s.State().Log(), n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.stop(b); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s := start(b, config(dir, m.Node.ID(), &net))
		if err := s.Verify(ctx); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.stop(b); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkVerify(b *testing.B) {
	m := statetest.New(b, "acme")
	s := start(b, config(b.TempDir(), m.Node.ID(), &storetest.Network{}))
	ctx := within(b, 10*time.Minute)
	if err := s.Bootstrap(ctx, founding(b, m)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.Verify(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
