package node

import (
	"math/rand/v2"
	"time"
)

// jitter spreads d by up to a quarter either way, so that machines that lost
// the same controller do not return in step.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(rand.Int64N(int64(d)/2+1)) //nolint:gosec // no secret
}
