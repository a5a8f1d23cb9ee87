//go:build linux

package x11

import (
	"slices"
	"strings"

	"warren/session/screen/keys"
)

// special reads a combination by its name, "ctrl-alt-del", as the events that
// a browser cannot give: its system keeps them to itself.
func special(name string) ([]keys.Event, bool) {
	words := strings.Split(name, "-")
	if name == "" || len(words) > 5 {
		return nil, false
	}
	var down []keys.Event
	var flags keys.Flags
	for i, w := range words {
		code, key, flag := specialKey(w)
		last := i == len(words)-1
		if code == "" || !last && flag == 0 {
			return nil, false
		}
		flags |= flag
		down = append(down, keys.Event{Code: "special " + code, Key: key, Down: true, Flags: flags})
	}
	out := slices.Clone(down)
	for i := len(down) - 1; i >= 0; i-- {
		e := down[i]
		e.Down = false
		out = append(out, e)
	}
	return out, true
}

// specialKey gives a browser's words for one key.
func specialKey(w string) (code, key string, flag keys.Flags) {
	switch w {
	case "ctrl":
		return "ControlLeft", "Control", keys.FlagControl
	case "alt":
		return "AltLeft", "Alt", keys.FlagAlt
	case "shift":
		return "ShiftLeft", "Shift", keys.FlagShift
	case "super", "meta", "win":
		return "MetaLeft", "Meta", keys.FlagMeta
	case "altgr":
		return "AltRight", "AltGraph", keys.FlagAltGr
	case "del", "delete":
		return "Delete", "Delete", 0
	case "backspace":
		return "Backspace", "Backspace", 0
	case "tab":
		return "Tab", "Tab", 0
	case "esc", "escape":
		return "Escape", "Escape", 0
	case "enter":
		return "Enter", "Enter", 0
	case "space":
		return "Space", " ", 0
	case "print":
		return "PrintScreen", "PrintScreen", 0
	case "pause":
		return "Pause", "Pause", 0
	case "insert":
		return "Insert", "Insert", 0
	case "home", "end":
		name := strings.ToUpper(w[:1]) + w[1:]
		return name, name, 0
	case "pageup":
		return "PageUp", "PageUp", 0
	case "pagedown":
		return "PageDown", "PageDown", 0
	case "up", "down", "left", "right":
		name := "Arrow" + strings.ToUpper(w[:1]) + w[1:]
		return name, name, 0
	}
	if len(w) == 1 && w[0] >= 'a' && w[0] <= 'z' {
		return "Key" + strings.ToUpper(w), w, 0
	}
	if len(w) == 1 && w[0] >= '0' && w[0] <= '9' {
		return "Digit" + w, w, 0
	}
	if len(w) >= 2 && len(w) <= 3 && w[0] == 'f' && strings.Trim(w[1:], "0123456789") == "" {
		return "F" + w[1:], "F" + w[1:], 0
	}
	return "", "", 0
}
