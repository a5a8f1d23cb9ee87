package care

import (
	"context"
	"strings"
	"time"

	"warren/session/screen/x11"
)

// lookTime bounds the search for displays.
const lookTime = 3 * time.Second

// screens tells what of this machine can be looked at. That nothing can be is
// no fault of a machine.
func screens(ctx context.Context) Finding {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	open, why := x11.New(x11.Config{}).Look(ctx)
	switch {
	case len(open) == 0:
		return good("screens", "none that this user can look at: %v", why)
	case why != nil:
		return good("screens", "%s can be looked at; not all can: %v", strings.Join(open, ", "), why)
	}
	return good("screens", "%s can be looked at", strings.Join(open, ", "))
}
