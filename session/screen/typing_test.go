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

// slowHands is a desk whose seats take an input when they are let.
type slowHands struct {
	*screentest.Desk
	begun, go_ chan struct{}
}

type slowHandsDisplay struct {
	screen.Display
	of slowHands
}

type slowSeat struct {
	screen.Seat
	of slowHands
}

func (s slowHands) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	d, err := s.Desk.Open(ctx, want)
	return slowHandsDisplay{d, s}, err
}

func (d slowHandsDisplay) Seat(ctx context.Context, o screen.SeatOptions) (screen.Seat, error) {
	seat, err := d.Display.Seat(ctx, o)
	return slowSeat{seat, d.of}, err
}

func (s slowSeat) Take(ctx context.Context, in *warrenv1.ScreenInput) error {
	s.of.begun <- struct{}{}
	select {
	case <-s.of.go_:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.Seat.Take(ctx, in)
}

// TestPictureGoesOnWhileTyping: acknowledgements do not wait behind input, and
// input stays in order.
func TestPictureGoesOnWhileTyping(t *testing.T) {
	sessiontest.NoLeaks(t)
	desk := slowHands{screentest.New(image.Pt(800, 600)), make(chan struct{}, 8), make(chan struct{})}
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
