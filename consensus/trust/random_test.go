package trust_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"warren/consensus/trust"
	"warren/mesh/identity"
)

// Random histories: whatever people do, right or wrong, the log can be opened
// again as it was, a follower who gets it in pieces ends where it ended, and
// no two machines in force share anything.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { history(t, seed) })
	}
}

func history(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	someone := func() byte { return byte(1 + rnd.IntN(9)) } // technicians 1 to 8, recovery 9
	machine := func() byte { return byte(20 + rnd.IntN(30)) }
	l := running(t, func(g *warrenGenesis) { g.Thresholds.Device = 1 + uint32(seed%3) })
	follower, err := trust.Open(l.Mesh(), l.Entries(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	refusals := 0
	for range 250 {
		next, err := step(t, l, rnd, someone, machine)
		if err != nil {
			refusals++
			continue
		}
		l = next
		if rnd.IntN(8) == 0 {
			follower, _, err = follower.Extend(l.Entries(follower.Len()), l.Revocations())
			if err != nil {
				t.Fatalf("follower: %v", err)
			}
			if got := tell(follower); got != tell(l) {
				t.Fatalf("the follower is at\n%s\nnot\n%s", got, tell(l))
			}
		}
	}
	if refusals == 0 || refusals == 250 {
		t.Errorf("%d of 250 steps were refused: the test shows little", refusals)
	}
	opened, err := trust.Open(l.Mesh(), l.Entries(0), l.Revocations())
	if err != nil {
		t.Fatal(err)
	}
	if got := tell(opened); got != tell(l) {
		t.Errorf("opened\n%s\nnot\n%s", got, tell(l))
	}
	names, addresses := map[string]bool{}, map[string]bool{}
	for d := range l.Devices() {
		if d.Revoked {
			continue
		}
		if names[d.Name] || addresses[d.IPv4.String()] {
			t.Errorf("two machines have %s or %s", d.Name, d.IPv4)
		}
		names[d.Name], addresses[d.IPv4.String()] = true, true
		if got, ok := l.DeviceByName(d.Name); !ok || got.ID != d.ID {
			t.Errorf("%s is found as %s", d.Name, got.ID)
		}
	}
}

func step(t *testing.T, l *trust.Log, rnd *rand.Rand, someone, machine func() byte) (*trust.Log, error) {
	signers := []byte{someone()}
	for rnd.IntN(2) == 0 && len(signers) < 3 {
		if by := someone(); by != signers[0] && by != signers[len(signers)-1] {
			signers = append(signers, by)
		}
	}
	switch rnd.IntN(10) {
	case 0, 1, 2, 3:
		n := machine()
		a, err := l.FreeIPv4(nodeID(n))
		if err != nil {
			return nil, err
		}
		return try(t, l, device(n, fmt.Sprint("m", rnd.IntN(20)), func(d *warrenDevice) { d.Ipv4 = a.AsSlice() }), signers...)
	case 4, 5:
		n := byte(1 + rnd.IntN(8))
		return try(t, l, technician(n, fmt.Sprint("t", rnd.IntN(6)), rnd.IntN(3) > 0), signers...)
	case 6:
		_, revision := l.Policy()
		return try(t, l, policy(revision+1), signers...)
	case 7:
		id := nodeID(machine())
		return l.Revoke(revocation(t, l, nodeKind, id[:], signers[0]))
	case 8:
		n := machine()
		id := nodeID(n)
		return l.Revoke(revocation(t, l, nodeKind, id[:], n))
	default:
		return l.Revoke(revocation(t, l, technicianKind, public(byte(1+rnd.IntN(8))), signers[0]))
	}
}

// Two copies of one chain that learn of different revocations in different
// orders come together again as soon as the chain folds them.
func TestCopiesConverge(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		l := crew(t)
		for n := byte(30); n < 40; n++ {
			l = add(t, l, device(n, fmt.Sprint("d", n)), ann)
		}
		here, there := l, l
		for range 12 {
			id := nodeID(byte(30 + rnd.IntN(10)))
			r := revocation(t, l, nodeKind, id[:], byte(1+rnd.IntN(3)))
			if rnd.IntN(2) == 0 {
				here = revoke(t, here, r)
			} else {
				there = revoke(t, there, r)
			}
		}
		for _, r := range here.Revocations() { // controllers hear of all
			there = revoke(t, there, r)
		}
		entry := sign(t, there.Draft(noon, policy(2)), ann)
		next, err := there.Append(entry)
		if err != nil {
			t.Fatal(err)
		}
		followed, refusals, err := here.Extend(next.Entries(here.Len()), next.Revocations())
		if err != nil || len(refusals) != 0 {
			t.Fatal(err, refusals)
		}
		if tell(followed) != tell(next) {
			t.Errorf("seed %d: here\n%s\nthere\n%s", seed, tell(followed), tell(next))
		}
		if identity.HashOf(entry) != followed.Head() {
			t.Errorf("seed %d: another head", seed)
		}
	}
}
