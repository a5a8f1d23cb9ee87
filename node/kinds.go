package node

import (
	"warren/session"
	"warren/session/shell"
)

// kinds are the sessions this machine serves.
func (l *life) kinds() []session.Kind {
	var options []shell.Option
	if l.cfg.Up.HostFiles {
		options = append(options, shell.HostFiles)
	}
	return []session.Kind{shell.New(options...)}
}
