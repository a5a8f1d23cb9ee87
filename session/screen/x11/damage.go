//go:build linux

package x11

import (
	"encoding/binary"
	"image"

	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
)

// smallDamage is how many pixels damage may be spread over that is taken whole.
const smallDamage = 1 << 16

// damageBounds are those of an event's damage.
func damageBounds(e []byte) image.Rectangle {
	side := func(at int) uint16 { return binary.LittleEndian.Uint16(e[at:]) }
	return rectangle(int16(side(16)), int16(side(18)), side(20), side(22)) //nolint:gosec // as the protocol has it
}

// takeDamage gives the note of damage and forgets it.
func (d *Display) takeDamage() (some bool, bounds image.Rectangle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	some, bounds = d.damaged, d.bounds
	d.damaged, d.bounds = false, image.Rectangle{}
	return some, bounds
}

// Damage implements screen.Source.
func (d *Display) Damage() (out []image.Rectangle, err error) {
	select {
	case <-d.done:
		return nil, screen.ErrGone
	default:
	}
	other, err := d.other()
	if other {
		err = screen.ErrChanged
	}
	if err != nil {
		return nil, err
	}
	some, bounds := d.takeDamage()
	if !some {
		return nil, nil
	}
	if n := bounds.Dx() * bounds.Dy(); n > 0 && n <= smallDamage {
		// Which of it was painted is sooner seen than asked for. What is painted
		// there from here on, or was beside it, is told anew.
		all := []xproto.Rectangle{{X: int16(bounds.Min.X), Y: int16(bounds.Min.Y), Width: uint16(bounds.Dx()), Height: uint16(bounds.Dy())}} //nolint:gosec // as they came
		err = d.ask(func() error {
			xfixes.SetRegion(d.Conn, d.region, all)
			damage.Subtract(d.Conn, d.damage, d.region, 0)
			return nil
		})
		return within(all, d.size), err
	}
	err = d.ask(func() error {
		damage.Subtract(d.Conn, d.damage, 0, d.region)
		r, err := xfixes.FetchRegion(d.Conn, d.region).Reply()
		if err != nil {
			return err
		}
		out = within(r.Rectangles, d.size)
		return nil
	})
	return out, err
}

// mostDamage bounds the rectangles that are looked at one by one: a million of
// them, each all of a display, take seconds, which nothing interrupts.
const mostDamage = 4 << 10

// within are the parts of rectangles on a display of a size, or all of it where
// they are too many.
func within(all []xproto.Rectangle, size image.Point) (out []image.Rectangle) {
	whole := image.Rectangle{Max: size}
	if len(all) > mostDamage {
		return []image.Rectangle{whole}
	}
	for _, x := range all {
		if v := rectangle(x.X, x.Y, x.Width, x.Height).Intersect(whole); !v.Empty() {
			out = append(out, v)
		}
	}
	return out
}

func rectangle(x, y int16, w, h uint16) image.Rectangle {
	return image.Rect(int(x), int(y), int(x)+int(w), int(y)+int(h))
}
