package screen

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strconv"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen/tiles"
	"warren/session/screen/words"
)

// look changes what is looked at.
func (v *viewer) look(ctx context.Context, wish *warrenv1.ScreenView) error {
	if wish.GetResize() && wish.GetWidth() > 0 && wish.GetHeight() > 0 {
		if err := v.resize(image.Pt(int(wish.GetWidth()), int(wish.GetHeight()))); err != nil {
			return err
		}
	}
	if wish.GetMonitor() == v.monitor {
		return nil
	}
	if !v.pictures.Allow() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.wish == nil { // else a later one counts
			v.wish = &warrenv1.ScreenView{Monitor: wish.GetMonitor()}
		}
		return nil
	}
	v.monitor = wish.GetMonitor()
	return v.relayout(ctx)
}

// resize fits the display to the viewer; that it cannot be, or must not, is
// only said.
func (v *viewer) resize(size image.Point) error {
	if size.X == 0 || size.Y == 0 {
		return nil
	}
	if v.kind.verb != Control { // it moves the windows of whoever sits there
		v.say(words.ViewKeepsSize.Say())
		return nil
	}
	err := v.display.Resize(size)
	if errors.Is(err, ErrUnable) {
		v.say(sentence(err))
		return nil
	}
	return err
}

// another begins a new picture where the display has become another one, or
// waits where that was too often.
func (v *viewer) another(ctx context.Context, now time.Time) (time.Duration, error) {
	if !v.pictures.AllowN(now, 1) {
		return picturesEvery, nil
	}
	return frameEvery, v.relayout(ctx)
}

// relayout begins a new picture: at first, and when the display or what is
// looked at changes.
func (v *viewer) relayout(ctx context.Context) error {
	if v.changes++; v.changes > mostChanges {
		return fmt.Errorf("the display changes without end: %w", ErrGone)
	}
	layout, err := v.display.Layout()
	if err != nil {
		return err
	}
	v.layout = layout
	if int(v.monitor) > len(layout.Monitors) {
		v.say(words.NoMonitor.Say(strconv.FormatUint(uint64(v.monitor), 10)))
		v.monitor = 0
	}
	v.region = image.Rectangle{Max: layout.Size}
	if v.monitor > 0 {
		v.region = layout.Monitors[v.monitor-1].Bounds
	}
	if v.encoder != nil {
		v.encoder.Close()
	}
	if v.encoder, err = tiles.NewEncoder(v.region.Size(), v.number()); err != nil {
		return err
	}
	v.motion.close()
	v.motion = newMotion(v.region.Size(), time.Now())
	v.dirt = newDirt(v.region.Size())
	v.dirt.add(image.Rectangle{Max: v.region.Size()})
	v.pointer = image.Pt(-1, -1)
	v.seating.Lock()
	if v.seat != nil {
		v.seat.Look(v.region)
	}
	v.seating.Unlock()
	if err := v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Ready{Ready: v.ready()}}); err != nil {
		return err
	}
	v.wake()
	return nil
}

// number is the last frame's.
func (v *viewer) number() uint32 {
	if v.encoder == nil {
		return 0
	}
	return v.encoder.Number()
}

func (v *viewer) ready() *warrenv1.ScreenReady {
	out := &warrenv1.ScreenReady{
		Display: v.display.Name(), Width: uint32(v.region.Dx()), Height: uint32(v.region.Dy()), //nolint:gosec // sides of a picture
		Monitor: v.monitor, Owner: v.display.Owner(),
	}
	for _, l := range slices.Concat(v.layout.Limits, v.limits) {
		out.Limits, out.Said = append(out.Limits, l.String()), append(out.Said, said(l))
	}
	for i, m := range v.layout.Monitors[:min(len(v.layout.Monitors), MaxMonitors)] {
		out.Monitors = append(out.Monitors, &warrenv1.ScreenMonitor{
			Id: uint32(i + 1), Name: m.Name, Primary: m.Primary, //nolint:gosec // a few
			X: int32(m.Bounds.Min.X), Y: int32(m.Bounds.Min.Y), Width: uint32(m.Bounds.Dx()), Height: uint32(m.Bounds.Dy()), //nolint:gosec // on a display
		})
	}
	out.Displays = displays(v.layout.Displays)
	v.seating.Lock()
	defer v.seating.Unlock()
	if v.seat != nil {
		out.Control = true
		out.ClipboardIn, out.ClipboardOut = v.seat.Clipboard()
	}
	return out
}
