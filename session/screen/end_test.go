package screen_test

import (
	"context"
	"image"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/screentest"
	"warren/session/sessiontest"
)

// TestNothingIsDoneAfterTheEnd: of what a technician has typed ahead, nothing
// reaches the display any more once their right is gone.
func TestNothingIsDoneAfterTheEnd(t *testing.T) {
	sessiontest.NoLeaks(t)
	for range 100 {
		ctx, end := context.WithCancelCause(t.Context())
		ready := make(chan struct{}) // closed when the rest waits
		desk := handed{screentest.New(image.Pt(64, 64)), func(ctx context.Context, seat screen.Seat, in *warrenv1.ScreenInput) error {
			<-ready
			end(&session.EndError{Reason: session.ReasonRevoked})
			<-ctx.Done()
			return seat.Take(ctx, in)
		}}
		l := look(t, within{ctx, kindOf(desk, screen.Control)}, ask(t, screen.Control, &warrenv1.ScreenRequest{}))
		l.sees(t, desk.Desk, image.Rect(0, 0, 64, 64))
		for range 100 {
			if err := l.Input(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Text{Text: "rm"}}); err != nil {
				t.Fatal(err)
			}
		}
		close(ready)
		_ = l.ended(t)
		if n := len(desk.Inputs()); n != 1 {
			t.Fatalf("%d inputs were done, of which one was under way", n)
		}
		end(nil)
	}
}

// late is a desk at which somebody agrees just as the right to look ends.
type late struct {
	*peopled
	end context.CancelCauseFunc
}

type lateDisplay struct {
	spokenTo
	of late
}

func (l late) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	d, err := l.Desk.Open(ctx, want)
	return lateDisplay{spokenTo{d, l.peopled}, l}, err
}

func (d lateDisplay) Ask(ctx context.Context, _ screen.Watching) error {
	d.of.end(&session.EndError{Reason: session.ReasonRevoked})
	<-ctx.Done()
	return nil
}

// TestAgreedTooLate: a yes to who may not look any more opens nothing, and nobody
// is told that it did.
func TestAgreedTooLate(t *testing.T) {
	sessiontest.NoLeaks(t)
	ctx, end := context.WithCancelCause(t.Context())
	defer end(nil)
	desk := late{newPeopled(), end}
	var notes noted
	l := look(t, within{ctx, kindOf(desk, screen.Control)}, asking(t, true, &notes))
	if got := reasonOf(t, l.ended(t)); got != session.ReasonRevoked {
		t.Errorf("ended: %q", got)
	}
	if err := notes.is("the person at the device is asked, on display :7 of kim"); err != nil {
		t.Error(err)
	}
	if _, told, _ := desk.seen(); len(told) != 0 || desk.Closed() != 0 || desk.Grabs() != 0 {
		t.Errorf("told %v, %d seats were taken, %d grabs", told, desk.Closed(), desk.Grabs())
	}
}
