package screen

import (
	"context"
	"image"
	"time"

	warrenv1 "warren/api/warren/v1"
)

const (
	// mostCursorBytes is what of a shape fits a message beside its numbers.
	mostCursorBytes = maxBody - 64
	// knownCursors is how many shapes a viewer has to remember.
	knownCursors = 256
	// shapesEvery is the shortest time between two shapes, shapesRate what their
	// pixels take of the way, in bytes a second: they wait for no room there.
	shapesEvery = 20 * time.Millisecond
	shapesRate  = 128 << 10
)

// cursor sends the pointer's shape where it has changed.
func (v *viewer) cursor(ctx context.Context, now time.Time) error {
	if v.shapeWaits = now.Before(v.nextShape); v.shapeWaits {
		return nil
	}
	c, changed, err := v.display.Cursor()
	if err != nil || !changed {
		return err
	}
	c = fitted(c)
	out := &warrenv1.ScreenCursor{
		Id: c.ID, Width: uint32(c.Size.X), Height: uint32(c.Size.Y), HotX: uint32(c.Hot.X), HotY: uint32(c.Hot.Y), //nolint:gosec // bounded by fitted
		Hidden: len(c.RGBA) == 0,
	}
	if !v.cursors[c.ID] && !out.GetHidden() {
		if len(v.cursors) >= knownCursors {
			clear(v.cursors)
		}
		v.cursors[c.ID] = true
		out.Rgba = c.RGBA
	}
	v.nextShape = now.Add(shapesEvery + time.Duration(len(out.GetRgba()))*time.Second/shapesRate)
	return v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Cursor{Cursor: out}})
}

// fitted takes away what of a shape cannot be seen, and makes it smaller until
// it fits a message. One that cannot be seen at all is empty.
func fitted(c Cursor) Cursor {
	visible := image.Rectangle{}
	for y := range c.Size.Y {
		for x := range c.Size.X {
			if i := 4*(y*c.Size.X+x) + 3; i < len(c.RGBA) && c.RGBA[i] != 0 {
				visible = visible.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	step := 1
	for 4*((visible.Dx()+step-1)/step)*((visible.Dy()+step-1)/step) > mostCursorBytes {
		step++
	}
	out := Cursor{ID: c.ID, Size: image.Pt((visible.Dx()+step-1)/step, (visible.Dy()+step-1)/step)}
	for y := visible.Min.Y; y < visible.Max.Y; y += step {
		for x := visible.Min.X; x < visible.Max.X; x += step {
			i := 4 * (y*c.Size.X + x)
			out.RGBA = append(out.RGBA, c.RGBA[i:i+4]...)
		}
	}
	hot := c.Hot.Sub(visible.Min)
	out.Hot = image.Pt(min(max(hot.X, 0), visible.Dx())/step, min(max(hot.Y, 0), visible.Dy())/step)
	return out
}
