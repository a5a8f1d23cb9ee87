package faulttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The variables of the environment.
const (
	Seed = "WARREN_SEED"
	Soak = "WARREN_SOAK"
)

// Run is one fault test. Its methods may be called from any goroutine.
type Run struct {
	t    testing.TB
	id   string
	seed uint64

	mu      sync.Mutex
	figures map[string]any
}

// Line is what a run prints when it ends.
type Line struct {
	ID      string         `json:"id"`
	Seed    uint64         `json:"seed"`
	Figures map[string]any `json:"figures"`
	Pass    bool           `json:"pass"`
}

// Begin names the test by its id in docs/security.md. When the test ends, its
// line goes to standard output.
func Begin(t testing.TB, id string) *Run {
	t.Helper()
	r := &Run{t: t, id: id, figures: map[string]any{}}
	r.seed = uint64(time.Now().UnixNano()) //nolint:gosec // after 1970
	if text := os.Getenv(Seed); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s=%q is no seed", Seed, text)
		}
		r.seed = n
	}
	t.Cleanup(r.end)
	return r
}

// Rand is random numbers that follow from the seed. A stream for each
// goroutine keeps the order of goroutines out of it.
func (r *Run) Rand(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(r.seed, stream)) } //nolint:gosec // wants to be replayed

// Long reports whether this is the long form.
func (r *Run) Long() bool { return os.Getenv(Soak) != "" }

// Pick is how often: short in make test, long in make soak.
func (r *Run) Pick(short, long int) int {
	if r.Long() {
		return long
	}
	return short
}

// Figure notes what was measured.
func (r *Run) Figure(name string, value any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.figures[name] = value
}

func (r *Run) end() {
	if r.t.Skipped() {
		return
	}
	if r.t.Failed() {
		r.t.Logf("replay: %s=%d go test -count=1 -run '^%s$'", Seed, r.seed, r.t.Name())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	line, err := json.Marshal(Line{r.id, r.seed, r.figures, !r.t.Failed()})
	if err != nil {
		r.t.Errorf("figures of %s: %v", r.id, err)
		return
	}
	fmt.Printf("%s\n", line)
}
