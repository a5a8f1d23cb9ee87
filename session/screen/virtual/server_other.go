//go:build !linux

package virtual

import (
	"context"
	"image"

	"warren/session/screen"
)

// server is a display that runs: never, here.
type server struct{ name string }

func (*server) ended() bool { return true }
func (*server) stop()       {}

func start(context.Context, Config, image.Point) (*server, error) {
	return nil, &screen.Unavailable{Why: "virtual displays are made on Linux only"}
}
