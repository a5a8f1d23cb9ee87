//go:build linux

package x11

import (
	"context"
	"fmt"

	"warren/session/screen"
)

// Seat implements screen.Display.
func (d *Display) Seat(context.Context, screen.SeatOptions) (screen.Seat, error) {
	return nil, fmt.Errorf("keyboard and pointer are not taken on X11 yet: %w", screen.ErrUnable)
}
