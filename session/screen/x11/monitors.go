//go:build linux

package x11

import (
	"image"
	"strings"

	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
)

// monitors asks the server for its monitors; a display without any is one.
func (d *Display) monitors(size image.Point) (out []screen.Monitor, err error) {
	whole := image.Rectangle{Max: size}
	add := func(name string, r image.Rectangle, primary bool) {
		if r = r.Intersect(whole); !r.Empty() && len(out) < screen.MaxMonitors {
			out = append(out, screen.Monitor{Name: name, Bounds: r, Primary: primary})
		}
	}
	if d.randr {
		all, err := d.getMonitors()
		if err != nil {
			return nil, err
		}
		for _, m := range all[:min(len(all), screen.MaxMonitors)] { // each name is a question
			add(d.atom(m.name), m.bounds, m.primary)
		}
	}
	if len(out) == 0 {
		add("screen", whole, true)
	}
	return out, nil
}

// maxName bounds a monitor's name, in bytes: any program may give it one.
const maxName = 64

func (d *Display) atom(a xproto.Atom) string {
	r, err := xproto.GetAtomName(d.Conn, a).Reply()
	if err != nil {
		return "monitor"
	}
	return strings.ToValidUTF8(r.Name[:min(len(r.Name), maxName)], "")
}

// rootless tells that the display is Xwayland's: older ones have no extension
// that says so, but all name their outputs so.
func (d *Display) rootless() (bool, error) {
	if !d.randr {
		return false, nil
	}
	all, err := d.getMonitors()
	if err != nil {
		return false, err
	}
	for _, m := range all[:min(len(all), screen.MaxMonitors)] {
		if strings.HasPrefix(d.atom(m.name), extXwayland) {
			return true, nil
		}
	}
	return false, nil
}
