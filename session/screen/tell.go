package screen

import (
	"context"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen/words"
)

// meter counts what goes out.
type meter struct {
	bytes, frames int
	since         time.Time
	still         bool // the viewer knows that nothing does
}

// said is a sentence as it travels.
func said(s words.Sentence) *warrenv1.Said {
	return &warrenv1.Said{Code: string(s.Code), Args: s.Args}
}

// NoteOf is the event that tells a viewer something.
func NoteOf(s words.Sentence) *warrenv1.ScreenEvent {
	return &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Note{Note: &warrenv1.ScreenNote{Text: s.String(), Said: said(s)}}}
}

// say keeps a note for the viewer.
func (v *viewer) say(note words.Sentence) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.notes) < 8 {
		v.notes = append(v.notes, note)
	}
	v.wake()
}

// event sends an event.
func (v *viewer) event(ctx context.Context, e *warrenv1.ScreenEvent) error {
	m, err := eventMessage(e)
	if err != nil {
		return err
	}
	return v.send(ctx, m)
}

// send is what all that a viewer gets passes through.
func (v *viewer) send(ctx context.Context, message []byte) error {
	v.sending.Lock()
	defer v.sending.Unlock()
	return v.stream.Send(ctx, message)
}

// place tells where the pointer is, where another than the viewer has put it
// there.
func (v *viewer) place(ctx context.Context) error {
	at, err := v.display.Pointer()
	if err != nil {
		return err
	}
	at = at.Sub(v.region.Min)
	v.mu.Lock()
	own := at == v.placed
	v.mu.Unlock()
	if at == v.pointer || own {
		v.pointer = at
		return nil
	}
	v.pointer = at
	return v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Pointer{Pointer: &warrenv1.ScreenPlace{X: int32(at.X), Y: int32(at.Y)}}}) //nolint:gosec // near a display
}

// quality tells how the picture travels, and once that it rests.
func (v *viewer) quality(ctx context.Context, now time.Time) error {
	if now.Before(v.nextQuality) {
		return nil
	}
	m := v.meter
	v.meter = meter{since: now, still: m.frames == 0}
	v.nextQuality = now.Add(qualityEvery)
	if m.frames == 0 && m.still || m.since.IsZero() {
		return nil
	}
	v.mu.Lock()
	rtt := v.pacer.rtt
	v.mu.Unlock()
	q := &warrenv1.ScreenQuality{
		KbitS:   uint32(float64(m.bytes) * 8 / 1000 / now.Sub(m.since).Seconds()),
		FramesS: uint32(float64(m.frames)/now.Sub(m.since).Seconds() + 0.5), RttMs: uint32(rtt.Milliseconds()), //nolint:gosec // small
	}
	v.how(q)
	return v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Quality{Quality: q}})
}
