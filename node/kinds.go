package node

import (
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/x11"
	"warren/session/shell"
)

// kinds are the sessions this machine serves.
func (l *life) kinds() []session.Kind {
	var options []shell.Option
	if l.cfg.Up.HostFiles {
		options = append(options, shell.HostFiles)
	}
	return append(screen.Kinds(screen.Config{Desk: x11.New(), Mesh: l.membership().MeshName, Log: l.log.With("part", "screen")}), shell.New(options...))
}
