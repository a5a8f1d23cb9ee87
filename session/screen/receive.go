package screen

import (
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen/video"
	"warren/session/screen/words"
)

// mostInputs bounds what waits for the seat: a text that is being typed takes
// its time, and acknowledgements must not wait behind it.
const mostInputs = 256

// lastInputs is how long what was typed before an orderly end may still take.
const lastInputs = time.Second

// receive takes what the viewer says until the stream ends, and gives the
// reason. Input goes to serveSeat.
func (v *viewer) receive(ctx context.Context) error {
	for {
		message, err := v.stream.Receive(ctx)
		if err != nil {
			return err
		}
		in, err := decodeInput(message)
		if err != nil {
			return err
		}
		if err := v.take(ctx, in); err != nil {
			return err
		}
	}
}

func (v *viewer) take(ctx context.Context, in *warrenv1.ScreenInput) error {
	switch i := in.GetInput().(type) {
	case nil: // of a later version
		return nil
	case *warrenv1.ScreenInput_Ack:
		v.mu.Lock()
		err := v.pacer.acked(i.Ack.GetNumber(), time.Now())
		v.mu.Unlock()
		v.wake()
		return err
	case *warrenv1.ScreenInput_View:
		v.mu.Lock()
		v.wish = i.View
		v.mu.Unlock()
		v.wake()
		return nil
	case *warrenv1.ScreenInput_Quality:
		v.mu.Lock()
		v.pacer.purse.allow(i.Quality.GetMaxKbitS(), time.Now())
		switch i.Quality.GetMode() {
		case "lossless":
			v.wished = video.Lossless
		case "video":
			v.wished = video.Video
		default:
			v.wished = video.Auto
		}
		v.mu.Unlock()
		v.wake()
		return nil
	case *warrenv1.ScreenInput_Release:
		return v.pass(ctx, in)
	case *warrenv1.ScreenInput_Pointer:
		v.mu.Lock()
		v.placed = image.Pt(int(i.Pointer.GetX()), int(i.Pointer.GetY()))
		v.mu.Unlock()
	}
	if v.kind.verb != Control {
		return &over{said: words.OnlyView.Say()}
	}
	return v.pass(ctx, in)
}

// pass hands input on, and waits where too much does already.
func (v *viewer) pass(ctx context.Context, in *warrenv1.ScreenInput) error {
	select {
	case v.inputs <- in:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// serveSeat gives the seat one input after the other until the last, one that
// ends the session, or the end of ctx, and gives the reason.
func (v *viewer) serveSeat(ctx context.Context) error {
	for {
		select {
		case in, more := <-v.inputs:
			if !more {
				return nil
			}
			if ctx.Err() != nil { // what was typed ahead goes with the right to it
				return context.Cause(ctx)
			}
			if err := v.give(ctx, in); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// letsGo tells that input presses nothing.
func letsGo(in *warrenv1.ScreenInput) bool {
	switch i := in.GetInput().(type) {
	case *warrenv1.ScreenInput_Key:
		return !i.Key.GetDown()
	case *warrenv1.ScreenInput_Pointer:
		return i.Pointer.GetButtons() == 0
	case *warrenv1.ScreenInput_Release, *warrenv1.ScreenInput_Held:
		return true
	default:
		return false
	}
}

// give hands input to the seat. Where there is none, the viewer knows that
// from the limits.
func (v *viewer) give(ctx context.Context, in *warrenv1.ScreenInput) error {
	v.seating.Lock()
	defer v.seating.Unlock()
	if v.kind.crowd.asked() && !letsGo(in) {
		return nil // it is the person's answer that counts
	}
	if v.seat == nil {
		return nil
	}
	err := v.seat.Take(ctx, in)
	if errors.Is(err, ErrUnable) {
		v.say(sentence(err))
		return nil
	}
	if err != nil && !errors.Is(err, session.ErrInvalid) && !errors.Is(err, ErrGone) {
		return fmt.Errorf("input: %w", err)
	}
	return err
}
