//go:build !linux

package virtual

import (
	"context"
	"image"

	"warren/session/screen"
	"warren/session/screen/words"
)

// server is a display that runs: never, here.
type server struct{ name string }

func (*server) ended() bool { return true }
func (*server) stop()       {}

func start(context.Context, Config, image.Point) (*server, error) {
	return nil, &screen.Unavailable{Said: words.VirtualOnLinux.Say()}
}
