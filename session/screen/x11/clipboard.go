//go:build linux

package x11

import (
	"context"

	warrenv1 "warren/api/warren/v1"
)

type clipboard struct{}

func openClipboard(*seat) (*clipboard, error) { return &clipboard{}, nil }

func (*clipboard) handle(event)                                          {}
func (*clipboard) take(context.Context, *warrenv1.ScreenClipboard) error { return nil }
func (*clipboard) close()                                                {}
