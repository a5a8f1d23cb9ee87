//go:build linux

package x11

import (
	"context"
	"net"
	"time"

	"warren/session/screen"
)

// listenTime bounds how long displays are told from what dead servers have
// left: the first picture waits.
const listenTime = 100 * time.Millisecond

// listening are the displays at which somebody listens.
func listening(ctx context.Context, places []place) (out []screen.Named) {
	ctx, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	for _, p := range places {
		raw, err := (&net.Dialer{}).DialContext(ctx, "unix", p.socket)
		if err != nil {
			continue
		}
		out = append(out, screen.Named{Name: p.name, Owner: owner(raw, p.name, sessions()...)})
		raw.Close()
	}
	return out
}
