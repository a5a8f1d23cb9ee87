package ordering

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"
)

// deputyTime is how long a Deputy waits for a leader to show: an election.
const deputyTime = 1500 * time.Millisecond

// Deputy is the Authority a controller lends to members. They can ask the next
// controller, so it does not spend their patience on looking for a leader: a
// controller that is cut off from the others would spend all of it.
type Deputy struct{ *Council }

// Propose implements Authority.
func (d Deputy) Propose(ctx context.Context, body proto.Message) (uint64, error) {
	if d.Ordering() && !d.led(ctx) {
		return 0, leaderless(errors.New("this controller hears of none"))
	}
	return d.Council.Propose(ctx, body)
}

// led waits until a leader is known.
func (d Deputy) led(ctx context.Context) bool {
	enough := time.NewTimer(deputyTime)
	defer enough.Stop()
	for {
		changed := d.Store.Changed()
		if _, known := d.Store.Leader(); known {
			return true
		}
		select {
		case <-changed:
		case <-enough.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
