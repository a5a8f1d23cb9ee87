package screen

import (
	"testing"
	"time"
)

// TestLongFrameMeasuresNoWay: on a way of 40 ms and 100 kB/s, the time that a
// frame itself takes is none of the way's; a way that has become longer is
// noticed.
func TestLongFrameMeasuresNoWay(t *testing.T) {
	begun := time.Unix(1000, 0)
	p := newPacer()
	number := uint32(0)
	send := func(at time.Duration, bytes int) uint32 {
		number++
		p.room(begun.Add(at))
		p.sent(number, bytes, false, begun.Add(at))
		return number
	}
	arrive := func(number uint32, at time.Duration) {
		t.Helper()
		if err := p.acked(number, begun.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	const ms = time.Millisecond
	arrive(send(0, 500), 40*ms)
	if p.way != 40*ms {
		t.Fatalf("the way is %v long", p.way)
	}
	first, second := send(1000*ms, 10_000), send(1000*ms, 10_000)
	arrive(first, 1140*ms)
	arrive(second, 1240*ms)
	if rate := p.best(); rate < 90_000 || rate > 110_000 {
		t.Fatalf("the rate is %.0f", rate)
	}
	arrive(send(11_500*ms, 20_000), 11_740*ms)
	if p.way != 40*ms || p.emptying {
		t.Errorf("by a long frame the way is %v long, emptying %v", p.way, p.emptying)
	}
	arrive(send(22_000*ms, 500), 22_090*ms)
	if p.way != 90*ms {
		t.Errorf("by a short frame the way is %v long", p.way)
	}
	arrive(send(33_000*ms, 5_000), 33_250*ms)
	if p.way <= 90*ms || p.way >= 250*ms {
		t.Errorf("a long frame says nothing of a longer way: %v", p.way)
	}
}
