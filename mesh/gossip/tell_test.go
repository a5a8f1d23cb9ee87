package gossip

import (
	"testing"
	"time"
)

// TestTell: the last word reaches the one it is for, at once.
func TestTell(t *testing.T) {
	simulate(t, 4, 31, func(t *testing.T, f *fleet) {
		f.startAll()
		f.until(10*time.Second, "join", func() bool { return f.pairs() == 1 })
		r := f.revocation(1)
		f.machines[0].pool.Tell(f.ids[1], r)
		f.until(100*time.Millisecond, "the word is there", func() bool { return f.machines[1].has(r) })
		f.machines[0].pool.Tell(testKey(9, 9).ID(), r) // to a stranger: no more than nothing
		long := f.endpointsOf(0, 9, true)
		f.machines[0].pool.Tell(f.ids[2], long)
		time.Sleep(time.Second)
		if f.machines[2].has(long) {
			t.Error("what fits no packet was told")
		}
	})
}
