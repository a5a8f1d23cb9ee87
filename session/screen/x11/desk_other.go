//go:build !linux

package x11

import (
	"context"

	"warren/session/screen"
	"warren/session/screen/words"
)

// Desk has no displays on this system.
type Desk struct{}

// Config is for other systems.
type Config struct {
	Folder string
	Heir   []string
}

// New makes the desk.
func New(Config) *Desk { return &Desk{} }

// Inherit is for other systems.
func Inherit([]string) (code int, ours bool) { return 0, false }

// Open implements screen.Desk.
func (*Desk) Open(context.Context, screen.Want) (screen.Display, error) { return nil, errSystem() }

// Look gives no display, and why.
func (*Desk) Look(context.Context) (open []string, why error) { return nil, errSystem() }

func errSystem() error {
	return &screen.Unavailable{Said: words.NoSystem.Say()}
}
