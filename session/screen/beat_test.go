package screen

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestBeat: pictures of a film are grabbed as they come, and no more than 32 a
// second of one that is quicker.
func TestBeat(t *testing.T) {
	for _, film := range []struct {
		rate, least, most float64
		wait              time.Duration // of a picture that is grabbed, at most
	}{
		{24, 24, 24, 0},
		{25, 25, 25, 0},
		{29.97, 29.97, 29.97, 0},
		{30, 30, 30, 0},
		{30.5, 30.5, 30.5, 0},
		{50, 25, 32, 20 * time.Millisecond},
		{60, 30, 32, 17 * time.Millisecond},
		{240, 31, 32, 5 * time.Millisecond},
	} {
		for _, jitter := range []time.Duration{0, 5 * time.Millisecond} {
			var b beat
			begin := time.Unix(1_700_000_000, 0)
			dirty, grabs := time.Time{}, 0
			every := time.Duration(float64(time.Second) / film.rate)
			step := func(now time.Time) {
				if dirty.IsZero() || now.Before(b.next) {
					return
				}
				grabs++
				if wait := now.Sub(dirty); wait > film.wait+jitter {
					t.Errorf("%v a second, by %v unsteady: picture %d waits for %v", film.rate, jitter, grabs, wait)
				}
				b.took(now)
				dirty = time.Time{}
			}
			const seconds = 20
			for at := time.Duration(0); at < seconds*time.Second; at += every {
				now := begin.Add(at)
				if jitter > 0 {
					now = now.Add(rand.N(jitter))
				}
				if !dirty.IsZero() && b.next.Before(now) { // a timer's
					step(b.next)
				}
				dirty = now // the newest picture
				step(now)
			}
			if rate := float64(grabs) / seconds; rate < film.least*0.99 || rate > film.most*1.01 {
				t.Errorf("%v a second, by %v unsteady: %v are grabbed", film.rate, jitter, rate)
			}
		}
	}
}
