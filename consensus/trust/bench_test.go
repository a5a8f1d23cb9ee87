package trust_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
)

// fleet is a mesh of n plain machines.
func fleet(t testing.TB, n int) *trust.Log {
	t.Helper()
	l := running(t)
	for i := 1; i <= n; i++ {
		l = add(t, l, nth(i), ann)
	}
	return l
}

func nth(n int) *warrenv1.DeviceRecord {
	seed := sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(n)))
	pub, _ := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	return &warrenv1.DeviceRecord{
		Key: pub, Name: fmt.Sprintf("device-%05d", n), Roles: []string{"device"}, Tags: []string{"till"}, Site: "zh", Ownership: managed,
		Ipv4: []byte{100, 97, byte((n + 100) >> 8), byte(n + 100)}, NotBefore: noon.Unix(),
	}
}

func BenchmarkOpen5000(b *testing.B) {
	l := fleet(b, 5_000)
	entries := l.Entries(0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trust.Open(l.Mesh(), entries, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// The cost of the next machine must not grow with their number.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint("after ", n), func(b *testing.B) {
			l := fleet(b, n)
			s := sign(b, l.Draft(noon, nth(10_001)), ann)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Append(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDevices5000(b *testing.B) {
	l := fleet(b, 5_000)
	for b.Loop() {
		n := 0
		for range l.Devices() {
			n++
		}
		if n != 5_001 {
			b.Fatal(n)
		}
	}
}

// What BenchmarkAppend measures, as a test: allocations do not depend on the
// machine's load.
func TestAppendDoesNotGrow(t *testing.T) {
	allocs := func(n int) float64 {
		l := fleet(t, n)
		s := sign(t, l.Draft(noon, nth(n+1)), ann)
		return testing.AllocsPerRun(20, func() {
			if _, err := l.Append(s); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := allocs(10), allocs(1_500)
	if many > 2*few {
		t.Errorf("%.0f allocations after 10 machines, %.0f after 1,500", few, many)
	}
}
