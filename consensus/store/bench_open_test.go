package store

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/hashicorp/raft"
)

// BenchmarkOpen reads a log as a controller that starts does: 60,000 entries
// are half a minute of a mesh under full load.
func BenchmarkOpen(b *testing.B) {
	const entries = 60_000
	dir := b.TempDir()
	hlog := hclogTo(slog.New(slog.DiscardHandler))
	d, err := openDisk(dir, segmentSize, hlog)
	if err != nil {
		b.Fatal(err)
	}
	for i := 1; i <= entries; i += 100 {
		batch := make([]*raft.Log, 100)
		for j := range batch {
			batch[j] = &raft.Log{Index: uint64(i + j), Term: 1, Data: []byte(fmt.Sprintf("%0250d", i+j))}
		}
		if err := d.StoreLogs(batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d, err := openDisk(dir, segmentSize, hlog)
		if err != nil {
			b.Fatal(err)
		}
		if err := d.whole(0); err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(entries*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
