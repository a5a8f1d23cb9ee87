//go:build linux

package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"warren/scripts/soak/faulttest"
)

// TestFaultR01KillMinority kills one of three controllers after the other,
// the leader every second time, while clients write. What was acknowledged is
// there and in order, and a new leader comes soon.
func TestFaultR01KillMinority(t *testing.T) {
	run := faulttest.Begin(t, "R-01")
	if testing.Short() {
		t.Skip("three processes under load")
	}
	writers, kills := run.Pick(8, 32), run.Pick(4, 100)
	c := newProcesses(t, 3)
	h := newHistory()
	if run.Long() {
		perSecond := throughput(c, newHistory(), writers, 10*time.Second)
		run.Figure("acknowledged_per_second", perSecond)
		if perSecond < 1000 {
			t.Errorf("%d acknowledged writes/s with %d writers, want 1,000", perSecond, writers)
		}
		c.end() // who starts again would read all that, on the processor of the rest
		c = newProcesses(t, 3)
	}
	stop := make(chan struct{})
	var working sync.WaitGroup
	for i := range writers {
		working.Go(func() { h.work(c, i, run.Rand(uint64(i)), stop, false) })
	}
	dead := killings(c, run, kills)
	close(stop)
	working.Wait()
	h.readAll(c, t)

	gaps := h.leaderless(dead)
	if len(gaps) != len(dead) {
		t.Fatalf("after %d of %d dead leaders nobody else acknowledged a write", len(dead)-len(gaps), len(dead))
	}
	slices.Sort(gaps)
	median, worst := gaps[len(gaps)/2], gaps[len(gaps)-1]
	lost := h.lost(c, t)
	result := h.check(5 * time.Minute)
	run.Figure("writers", writers)
	run.Figure("kills", kills)
	run.Figure("leader_kills", len(gaps))
	run.Figure("operations", len(h.ops))
	run.Figure("acknowledged", len(h.acks))
	run.Figure("lost", lost)
	run.Figure("linearisable", result)
	run.Figure("leaderless_median_ms", median.Milliseconds())
	run.Figure("leaderless_worst_ms", worst.Milliseconds())
	if result != porcupine.Ok {
		t.Errorf("the history is %s, want Ok", result)
	}
	if lost != 0 {
		t.Errorf("%d acknowledged writes are lost", lost)
	}
	if len(h.acks) < 20*kills {
		t.Errorf("only %d acknowledged writes: the test shows little", len(h.acks))
	}
	if run.Long() && (median > 1500*time.Millisecond || worst > 5*time.Second) {
		t.Errorf("without a leader for %s, at worst %s; want 1.5 s and 5 s", median, worst)
	}
}

// TestFaultR01StaleReads shows that the judge of the test above sees what it
// is there for: reads of whatever a controller holds are not linearisable.
func TestFaultR01StaleReads(t *testing.T) {
	run := faulttest.Begin(t, "R-01-control")
	if testing.Short() {
		t.Skip("three processes under load")
	}
	c := newProcesses(t, 3)
	h := newHistory()
	stop := make(chan struct{})
	var working sync.WaitGroup
	for i := range 16 {
		working.Go(func() { h.work(c, i, run.Rand(uint64(i)), stop, true) })
	}
	time.Sleep(time.Duration(run.Pick(3, 20)) * time.Second)
	close(stop)
	working.Wait()
	result := h.check(5 * time.Minute)
	run.Figure("operations", len(h.ops))
	run.Figure("linearisable", result)
	if result != porcupine.Illegal {
		t.Errorf("a history with stale reads is %s, want Illegal", result)
	}
}

// death is when a leader was killed.
type death struct {
	node int
	at   time.Time
}

// killings kills that many controllers, one at a time: never most of them.
func killings(c *processes, run *faulttest.Run, kills int) []death {
	r := run.Rand(1 << 32)
	between := func(shortest, longest time.Duration) time.Duration {
		if !run.Long() {
			shortest, longest = shortest/6, longest/6
		}
		return shortest + time.Duration(r.Int64N(int64(longest-shortest)))
	}
	var dead []death
	for n := range kills {
		time.Sleep(between(3*time.Second, 8*time.Second))
		victim := c.leader()
		if n%2 != 0 {
			victim = (victim + 1 + r.IntN(len(c.procs)-1)) % len(c.procs)
		}
		c.kill(victim)
		if n%2 == 0 {
			dead = append(dead, death{victim, time.Now()})
		}
		time.Sleep(between(time.Second, 3*time.Second))
		c.start(victim)
		c.catchUp(victim)
	}
	return dead
}

// leaderless is for each dead leader the time until another acknowledged a
// write, or itself one that was asked later: it may lead again.
func (h *history) leaderless(dead []death) []time.Duration {
	var out []time.Duration
	for _, d := range dead {
		for _, a := range h.acks {
			if a.at.After(d.at) && (a.node != d.node || a.asked.After(d.at)) {
				out = append(out, a.at.Sub(d.at))
				break
			}
		}
	}
	return out
}

// readAll reads every cell once more, so that its last writes count.
func (h *history) readAll(c *processes, t *testing.T) {
	t.Helper()
	client := c.client()
	defer client.close()
	keys := map[string]bool{}
	for _, op := range h.ops {
		in, _ := op.Input.(asked)
		keys[in.key] = true
	}
	for key := range keys {
		call := time.Now()
		out, _, err := client.ask(Ask{Read: key}, call.Add(time.Minute))
		if err != nil || out.Outcome != done {
			t.Fatalf("read %s at the end: %v, %v", key, out, err)
		}
		h.note(-1, asked{key: key, read: true}, got{out.Outcome, out.Value}, call, time.Now())
	}
}

// lost counts the acknowledged commands of the real state that a controller
// lacks in the end, and wants the same state of all.
func (h *history) lost(c *processes, t *testing.T) int {
	t.Helper()
	for i := range c.procs {
		c.catchUp(i)
	}
	all := make([]string, len(c.procs))
	for i := range c.procs {
		c.call(i, "Node.Hash", &all[i])
	}
	lost := 0
	for i, hash := range all {
		if hash != all[0] {
			t.Errorf("controller %d holds another state than the first", i)
		}
		lost = max(lost, h.missing(c, i))
	}
	return lost
}

func (h *history) missing(c *processes, i int) (n int) {
	client := c.dial(i)
	defer client.Close()
	numbers := make([]uint64, 0, len(h.revoked))
	for n := range h.revoked {
		numbers = append(numbers, n)
	}
	if err := client.Call("Node.Missing", numbers, &n); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// throughput counts acknowledged commands of the real state, signed and
// verified, while nobody dies.
func throughput(c *processes, h *history, writers int, d time.Duration) int {
	until := time.Now().Add(d)
	var working sync.WaitGroup
	for i := range writers {
		working.Go(func() {
			client := c.client()
			defer client.close()
			for n := uint64(0); time.Now().Before(until); n++ {
				h.revoke(c, client, 1<<63|uint64(i)<<32|n)
			}
		})
	}
	working.Wait()
	return int(float64(len(h.acks)) / d.Seconds())
}
