package screen_test

import (
	"errors"
	"image"
	"slices"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/screentest"
	"warren/session/screen/words"
	"warren/session/sessiontest"
)

// told are the displays that a viewer was told of last, in mid-session.
func (l *looking) told() (out []string) {
	for _, e := range l.events {
		if d := e.GetDisplays(); d != nil {
			out = []string{}
			for _, one := range d.GetDisplays() {
				out = append(out, one.GetName()+" "+one.GetOwner())
			}
		}
	}
	return out
}

// TestDisplaysComeAndGo: a viewer is told, no picture begins anew for it, and
// the end of the display names the others.
func TestDisplaysComeAndGo(t *testing.T) {
	sessiontest.NoLeaks(t)
	desk := screentest.New(image.Pt(64, 64))
	l := look(t, kindOf(desk, screen.View), ask(t, screen.View, &warrenv1.ScreenRequest{}))
	l.sees(t, desk, image.Rect(0, 0, 64, 64))
	for _, all := range [][]screen.Named{
		{{Name: ":7", Owner: "kim"}, {Name: ":8", Owner: "pat"}},
		{{Name: ":7", Owner: "kim"}},
		{{Name: ":7", Owner: "kim"}, {Name: ":9"}},
	} {
		want := []string{}
		for _, d := range all {
			want = append(want, d.Name+" "+d.Owner)
		}
		desk.Has(all...)
		l.until(t, "word of displays", func() bool { return slices.Equal(l.told(), want) })
	}
	desk.End()
	var end *session.EndError
	if err := l.ended(t); !errors.As(err, &end) || end.Reason != "the display has ended" {
		t.Errorf("the session ended with %v", err)
	}
	l.until(t, "offer of the other", func() bool { return slices.Equal(l.told(), []string{":9 "}) })
	l.says(t, words.DisplayEnded)
	l.until(t, "end", func() bool { return len(l.over) == 1 })
	readies := 0
	for _, e := range l.events {
		if e.GetReady() != nil {
			readies++
		}
	}
	if readies != 1 {
		t.Errorf("%d pictures were begun", readies)
	}
}

func TestNothingToLookAt(t *testing.T) {
	desk := screentest.New(image.Pt(64, 64))
	desk.Has(screen.Named{Name: ":7", Owner: "kim"})
	l := look(t, kindOf(desk, screen.View), ask(t, screen.View, &warrenv1.ScreenRequest{Display: ":9"}))
	var end *session.EndError
	if err := l.ended(t); !errors.As(err, &end) || end.Reason != "there is no display :9 on this machine; try: :7" {
		t.Errorf("the session ended with %v", err)
	}
	l.says(t, words.OtherDisplays)
	// Whose it is, is not told where nobody may have agreed.
	l.until(t, "offer of the other", func() bool { return slices.Equal(l.told(), []string{":7 "}) })
}
