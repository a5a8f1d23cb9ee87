package node

import (
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/virtual"
	"warren/session/screen/x11"
	"warren/session/shell"
)

// kinds are the sessions this machine serves.
func (l *life) kinds() []session.Kind {
	var options []shell.Option
	if l.cfg.Up.HostFiles {
		options = append(options, shell.HostFiles)
	}
	log := l.log.With("part", "screen")
	desk := virtual.New(virtual.Config{Inner: x11.New(), User: l.cfg.Up.DesktopUser, Log: log})
	return append(screen.Kinds(screen.Config{Desk: desk, Mesh: l.membership().MeshName, Log: log}), shell.New(options...))
}
