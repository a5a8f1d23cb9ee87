package node

import (
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/virtual"
	"warren/session/screen/x11"
	"warren/session/shell"
)

// Inherit is main for what a node has started its own program anew for, or its
// service manager; else ours is false. Call it first.
func Inherit(args []string) (code int, ours bool) { return x11.Inherit(args) }

// kinds are the sessions this machine serves.
func (l *life) kinds() []session.Kind {
	var options []shell.Option
	if l.cfg.Up.HostFiles {
		options = append(options, shell.HostFiles)
	}
	log := l.log.With("part", "screen")
	desk := virtual.New(virtual.Config{Inner: x11.New(x11.Config{Folder: l.cfg.Dir.Held(), Heir: l.cfg.Heir}), User: l.cfg.Up.DesktopUser, Log: log})
	return append(screen.Kinds(screen.Config{Desk: desk, Mesh: l.membership().MeshName, Log: log}), shell.New(options...))
}
