package screen_test

import (
	"context"
	"image"
	"math/rand/v2"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen"
	"warren/session/screen/screentest"
	"warren/session/sessiontest"
)

// handed is a desk whose seats take input in a test's way.
type handed struct {
	*screentest.Desk
	take taking
}

type taking func(ctx context.Context, seat screen.Seat, in *warrenv1.ScreenInput) error

type handedDisplay struct {
	screen.Display
	take taking
}

type handedSeat struct {
	screen.Seat
	take taking
}

func (h handed) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	d, err := h.Desk.Open(ctx, want)
	return handedDisplay{d, h.take}, err
}

func (d handedDisplay) Seat(ctx context.Context, o screen.SeatOptions) (screen.Seat, error) {
	s, err := d.Display.Seat(ctx, o)
	return handedSeat{s, d.take}, err
}

func (s handedSeat) Take(ctx context.Context, in *warrenv1.ScreenInput) error {
	return s.take(ctx, s.Seat, in)
}

// slowHands is a desk whose seats take an input when they are let.
type slowHands struct {
	handed
	begun, go_ chan struct{}
}

func newSlowHands(desk *screentest.Desk) slowHands {
	begun, go_ := make(chan struct{}, 8), make(chan struct{})
	take := func(ctx context.Context, seat screen.Seat, in *warrenv1.ScreenInput) error {
		begun <- struct{}{}
		select {
		case <-go_:
		case <-ctx.Done():
			return ctx.Err()
		}
		return seat.Take(ctx, in)
	}
	return slowHands{handed{desk, take}, begun, go_}
}

// TestPictureGoesOnWhileTyping: acknowledgements do not wait behind input, and
// input stays in order.
func TestPictureGoesOnWhileTyping(t *testing.T) {
	sessiontest.NoLeaks(t)
	desk := newSlowHands(screentest.New(image.Pt(800, 600)))
	l := look(t, kindOf(desk, screen.Control), ask(t, screen.Control, &warrenv1.ScreenRequest{}))
	l.sees(t, desk.Desk, image.Rect(0, 0, 800, 600))
	for _, text := range []string{"first", "second", "third"} {
		if err := l.Input(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Text{Text: text}}); err != nil {
			t.Fatal(err)
		}
	}
	<-desk.begun
	random := rand.New(rand.NewPCG(1, 1)) // far more than goes out unacknowledged
	desk.Paint(image.Rect(0, 0, 800, 600), func(int, int) uint32 { return random.Uint32() })
	l.sees(t, desk.Desk, image.Rect(0, 0, 800, 600))
	close(desk.go_)
	l.until(t, "what was typed", func() bool { return len(desk.Inputs()) == 3 })
	for i, in := range desk.Inputs() {
		if want := []string{"first", "second", "third"}[i]; in.GetText() != want {
			t.Errorf("input %d is %q, want %q", i, in.GetText(), want)
		}
	}
	l.stream.Close()
	_ = l.ended(t)
}
