package home_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/scripts/soak/faulttest"
)

// TestFaultR11StateFiles flips bits in every state file, cuts it and empties
// it. It is never read as something else: the generation before is, and where
// there is none one sentence says so.
func TestFaultR11StateFiles(t *testing.T) {
	run := faulttest.Begin(t, "R-11-files")
	r := run.Rand(0)
	flips, cuts := run.Pick(30, 1000), run.Pick(5, 100)
	tried := 0
	for _, file := range home.At("x").Files() {
		path := filepath.Join(t.TempDir(), filepath.Base(file))
		for _, generations := range []int{1, 2} {
			for n := range flips + cuts + 1 {
				_ = platform.Remove(path)
				for g := range generations {
					text := fmt.Sprintf("%s, generation %d of %d", path, g, generations)
					if err := platform.WriteFile(path, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case n < flips:
					raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
				case n < flips+cuts:
					raw = raw[:r.IntN(len(raw))]
				default:
					raw = nil
				}
				if err := os.WriteFile(path, raw, 0o600); err != nil {
					t.Fatal(err)
				}
				tried++
				data, recovered, err := platform.ReadFile(path)
				want := fmt.Appendf(nil, "%s, generation 0 of 2", path)
				if generations == 2 && (err != nil || !recovered || !bytes.Equal(data, want)) {
					t.Errorf("%s: %q, %t, %v; want the generation before", path, data, recovered, err)
				}
				if generations == 1 && (!errors.Is(err, platform.ErrCorrupt) || fault.KindOf(err) != fault.Internal ||
					!strings.Contains(fault.Format(err), path+" is damaged; try: ")) {
					t.Errorf("%s: %q, %v; want one sentence that names it", path, data, err)
				}
			}
		}
	}
	run.Figure("tried", tried)
}
