package screen

import (
	"context"
	"time"
)

// frame grabs what was painted and sends as much of what really changed as
// may be on the way. What is left is grabbed anew the next time.
func (v *viewer) frame(ctx context.Context, now time.Time) error {
	budget := v.room(now)
	if budget == 0 {
		return nil
	}
	v.nextFrame = now.Add(frameEvery)
	rects := v.dirt.take()
	v.encoder.Begin(budget)
	for i, r := range rects {
		pixels, err := v.display.Grab(r.Add(v.region.Min))
		if err != nil {
			return err
		}
		for _, left := range v.encoder.Add(r, pixels) {
			v.dirt.add(left)
		}
		if v.encoder.Full() || i == 0 && r.Dx()*r.Dy() >= aloneFrom {
			for _, left := range rects[i+1:] {
				v.dirt.add(left)
			}
			break
		}
	}
	frame, left, err := v.encoder.Finish(uint32(now.Sub(v.begun).Milliseconds()), !v.dirt.some && v.motion.region.Empty()) //nolint:gosec // wraps after 49 days
	for _, r := range left {
		v.dirt.add(r)
	}
	if err != nil {
		return err
	}
	v.changes = 0
	if v.dirt.some { // what is left goes on as soon as there is room
		v.nextFrame = now
	}
	if frame == nil {
		return nil
	}
	v.motion.chooser.Sent(now.Sub(v.begun), len(frame), false)
	return v.ship(ctx, now, frame, false)
}

// ship sends a frame, of tiles or of a film.
func (v *viewer) ship(ctx context.Context, now time.Time, frame []byte, film bool) error {
	v.mu.Lock()
	v.pacer.sent(v.encoder.Number(), len(frame), film, now)
	v.mu.Unlock()
	v.meter.bytes += len(frame)
	v.meter.frames++
	return parts(frame, v.buffer, func(m []byte) error { v.buffer = m; return v.send(ctx, m) })
}

// room is how long a frame may be now.
func (v *viewer) room(now time.Time) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.pacer.room(now)
}

// ahead tells that a picture of a video may be begun.
func (v *viewer) ahead(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.pacer.ahead(now)
}
