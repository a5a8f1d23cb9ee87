//go:build linux

package store

import (
	"os"
	"sync"
	"testing"
	"time"

	"warren/scripts/soak/faulttest"
)

// TestBenchThreeControllers gives make bench its figures of three controllers
// as processes, with their files and TCP: what a signed command takes with one
// writer, how many go through with 32, and how long none does when the leader
// is killed. The bars stand in the report; a figure that cannot be had fails.
func TestBenchThreeControllers(t *testing.T) {
	if os.Getenv("WARREN_BENCH") == "" {
		t.Skip("is run by scripts/bench")
	}
	run := faulttest.Begin(t, "three-controllers")
	c := newProcesses(t, 3)
	c.catchUp(2)

	alone := newHistory()
	throughput(c, alone, 1, 3*time.Second)
	took := []float64{}
	for _, a := range alone.acks {
		took = append(took, float64(a.at.Sub(a.asked))/float64(time.Millisecond))
	}
	run.Figure("commit", took)
	run.Figure("writes_per_second", throughput(c, newHistory(), 32, 5*time.Second))

	// Others, without what was just written: a dead leader that starts again
	// reads it on the processor on which the rest elects.
	c.end()
	c = newProcesses(t, 3)
	c.catchUp(2)
	h := newHistory()
	stop := make(chan struct{})
	var working sync.WaitGroup
	for i := range 8 {
		working.Go(func() { h.work(c, i, run.Rand(uint64(i)), stop, false) })
	}
	var dead []death
	for range 10 {
		time.Sleep(500 * time.Millisecond)
		victim := c.leader()
		c.kill(victim)
		dead = append(dead, death{victim, time.Now()})
		time.Sleep(300 * time.Millisecond)
		c.start(victim)
		c.catchUp(victim)
	}
	close(stop)
	working.Wait()
	gaps := []float64{}
	for _, gap := range h.leaderless(dead) {
		gaps = append(gaps, float64(gap)/float64(time.Millisecond))
	}
	if len(gaps) != len(dead) {
		t.Errorf("after %d of %d dead leaders nobody else acknowledged a write", len(dead)-len(gaps), len(dead))
	}
	run.Figure("leaderless", gaps)
}
