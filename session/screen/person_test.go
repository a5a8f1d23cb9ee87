package screen_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/screentest"
	"warren/session/screen/words"
	"warren/session/sessiontest"
)

// peopled is a desk at which somebody sits.
type peopled struct {
	*screentest.Desk
	answer chan error // to questions
	stop   chan struct{}

	mu    sync.Mutex
	asked []screen.Watching
	told  []screen.Watching
	now   int // notices shown
}

func newPeopled() *peopled {
	return &peopled{Desk: screentest.New(image.Pt(300, 200)), answer: make(chan error, 1), stop: make(chan struct{})}
}

type spokenTo struct {
	screen.Display
	*peopled
}

func (s spokenTo) Resize(size image.Point) error { return s.Display.Resize(size) }

func (p *peopled) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	d, err := p.Desk.Open(ctx, want)
	return spokenTo{d, p}, err
}

func (p *peopled) Ask(ctx context.Context, w screen.Watching) error {
	p.mu.Lock()
	p.asked = append(p.asked, w)
	p.mu.Unlock()
	select {
	case err := <-p.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *peopled) Tell(ctx context.Context, w screen.Watching) error {
	p.mu.Lock()
	p.told = append(p.told, w)
	p.now++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.now--
	}()
	select {
	case <-p.stop:
		return screen.ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *peopled) seen() (asked, told []screen.Watching, now int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked), slices.Clone(p.told), p.now
}

// noted is what the audit log was told of.
type noted struct {
	mu  sync.Mutex
	all []string
}

func (n *noted) add(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, what)
}

func (n *noted) is(want ...string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.all, want) {
		return fmt.Errorf("noted %q, want %q", n.all, want)
	}
	return nil
}

func asking(t *testing.T, consent bool, notes *noted) session.Request {
	t.Helper()
	r := ask(t, screen.Control, &warrenv1.ScreenRequest{})
	r.Reason, r.Rights.Consent = "the printer", consent
	r.Note = notes.add
	return r
}

// says waits until a viewer was told an end by its code.
func (l *looking) says(t *testing.T, want words.Code) {
	t.Helper()
	l.until(t, "end that says "+string(want), func() bool {
		return has(l.events, func(e *warrenv1.ScreenEvent) bool { return e.GetEnded().GetCode() == string(want) })
	})
}

func reasonOf(t *testing.T, err error) string {
	t.Helper()
	var end *session.EndError
	if !errors.As(err, &end) {
		t.Fatalf("ended with %v, which the technician is not told", err)
	}
	return end.Reason
}

// TestConsent: nothing is grabbed and no seat taken before somebody agreed, and
// a no of any kind ends the session.
func TestConsent(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer error
		want   string // the reason; empty where it goes on
		code   words.Code
	}{
		{"yes", nil, "", ""},
		{"no", screen.ErrNoConsent, "the person at the device said no", words.SaidNo},
		{"nobody", screen.ErrNoAnswer, "nobody at the device answered", words.NoAnswer},
		{"no dialog", errors.New("out of paper"), "nobody at the device could be asked", words.NotAsked},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPeopled()
			var notes noted
			l := look(t, kindOf(p, screen.Control), asking(t, true, &notes))
			l.until(t, "word that somebody is asked", func() bool {
				return slices.ContainsFunc(l.events, func(e *warrenv1.ScreenEvent) bool { return e.GetAsking().GetSeconds() == 30 })
			})
			l.until(t, "question", func() bool { a, _, _ := p.seen(); return len(a) == 1 })
			a, told, _ := p.seen()
			if w := a[0]; w.Technician != "tess" || w.Reason != "the printer" || !w.Control || len(told) != 0 || p.Grabs() != 0 {
				t.Errorf("asked %+v, told %v, %d grabs", w, told, p.Grabs())
			}
			p.answer <- test.answer
			if test.want != "" {
				if got := reasonOf(t, l.ended(t)); got != test.want {
					t.Errorf("ended: %q", got)
				}
				l.says(t, test.code)
				if _, told, _ := p.seen(); len(told) != 0 || p.Grabs() != 0 {
					t.Errorf("told %v, %d grabs", told, p.Grabs())
				}
				if err := notes.is("the person at the device is asked, on display :7 of kim"); err != nil {
					t.Error(err)
				}
				return
			}
			l.sees(t, p.Desk, image.Rect(0, 0, 300, 200))
			l.until(t, "notice", func() bool { _, _, now := p.seen(); return now == 1 })
			if _, told, now := p.seen(); len(told) != 1 || now != 1 {
				t.Errorf("told %v, %d shown", told, now)
			}
			// In this order: nothing is shown before somebody agreed.
			if err := notes.is("the person at the device is asked, on display :7 of kim", "the person at the device agreed", "display :7 of kim is shown"); err != nil {
				t.Error(err)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if !has(l.events, func(e *warrenv1.ScreenEvent) bool { return e.GetReady().GetOwner() == "kim" }) {
				t.Error("the technician is not told whose display it is")
			}
		})
	}
}

// slowAndPeopled is slowHands at which somebody sits.
type slowAndPeopled struct {
	*peopled
	hands slowHands
}

func (s slowAndPeopled) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	d, err := s.hands.Open(ctx, want)
	return spokenTo{d, s.peopled}, err
}

// TestTypingDoesNotAnswer: a question waits for what is being typed, and what is
// typed after it opened does not count.
func TestTypingDoesNotAnswer(t *testing.T) {
	sessiontest.NoLeaks(t)
	p := newPeopled()
	desk := slowAndPeopled{p, newSlowHands(p.Desk)}
	kind := kindOf(desk, screen.Control)
	typing := look(t, kind, ask(t, screen.Control, &warrenv1.ScreenRequest{}))
	typing.sees(t, p.Desk, image.Rect(0, 0, 300, 200))
	text := func(s string) {
		if err := typing.Input(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Text{Text: s}}); err != nil {
			t.Fatal(err)
		}
	}
	text("long")
	<-desk.hands.begun
	var notes noted
	second := look(t, kind, asking(t, true, &notes))
	second.until(t, "word that somebody is asked", func() bool {
		return slices.ContainsFunc(second.events, func(e *warrenv1.ScreenEvent) bool { return e.GetAsking() != nil })
	})
	text("\t\n")
	time.Sleep(50 * time.Millisecond)
	if asked, _, _ := p.seen(); len(asked) != 0 {
		t.Fatal("the question opened under what was being typed")
	}
	close(desk.hands.go_)
	typing.until(t, "the question", func() bool { asked, _, _ := p.seen(); return len(asked) == 1 })
	p.answer <- nil
	second.sees(t, p.Desk, image.Rect(0, 0, 300, 200))
	text("after")
	typing.until(t, "what is typed after the answer", func() bool { return len(p.Inputs()) == 2 })
	if in := p.Inputs(); in[0].GetText() != "long" || in[1].GetText() != "after" {
		t.Errorf("%v reached the display", in)
	}
	for _, l := range []*looking{typing, second} {
		l.stream.Close()
		_ = l.ended(t)
	}
}

// TestStop: the notice is there without a question, goes with the session, and
// its button ends it.
func TestStop(t *testing.T) {
	p := newPeopled()
	var notes noted
	l := look(t, kindOf(p, screen.Control), asking(t, false, &notes))
	l.sees(t, p.Desk, image.Rect(0, 0, 300, 200))
	l.until(t, "notice", func() bool { _, told, now := p.seen(); return len(told) == 1 && now == 1 })
	if a, _, _ := p.seen(); len(a) != 0 {
		t.Errorf("asked %v", a)
	}
	close(p.stop)
	if got := reasonOf(t, l.ended(t)); got != "the person at the device stopped it" {
		t.Errorf("ended: %q", got)
	}
	l.says(t, words.Stopped)
	if _, _, now := p.seen(); now != 0 || p.Connections() != 0 {
		t.Errorf("%d notices, %d connections", now, p.Connections())
	}
}

// TestStoppedIsStopped: who was stopped, at the notice or by the machine's own
// warren, is not back a second later, as a page is by itself that missed why.
func TestStoppedIsStopped(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(p *peopled, end context.CancelCauseFunc)
	}{
		{"by the notice", func(p *peopled, _ context.CancelCauseFunc) { close(p.stop) }},
		{"by warren", func(_ *peopled, end context.CancelCauseFunc) {
			end(&session.EndError{Reason: session.ReasonEnded})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPeopled()
			kinds := screen.Kinds(screen.Config{Desk: p, Video: noVideo})
			var notes noted
			ctx, end := context.WithCancelCause(t.Context())
			defer end(nil)
			l := look(t, within{ctx, kinds[1]}, asking(t, false, &notes))
			l.sees(t, p.Desk, image.Rect(0, 0, 300, 200))
			test.stop(p, end)
			_ = l.ended(t)
			for _, k := range kinds {
				r := asking(t, false, &notes)
				r.Verb = k.Verb()
				if got := reasonOf(t, look(t, k, r).ended(t)); got != "the person at the device has just said no; try again in two minutes" {
					t.Errorf("%s again: ended with %q", k.Verb(), got)
				}
			}
			other := asking(t, false, &notes)
			other.Technician = "omar"
			_, told, _ := p.seen()
			p.mu.Lock()
			p.stop = make(chan struct{})
			p.mu.Unlock()
			look(t, kinds[1], other).sees(t, p.Desk, image.Rect(0, 0, 300, 200))
			if len(told) != 1 {
				t.Errorf("told of %v", told)
			}
		})
	}
}

// within is a kind whose sessions somebody may end.
type within struct {
	ctx context.Context
	session.Kind
}

func (w within) Serve(ctx context.Context, s session.Stream, r session.Request) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer context.AfterFunc(w.ctx, func() { cancel(context.Cause(w.ctx)) })()
	return w.Kind.Serve(ctx, s, r)
}

// TestAskedAgainAndAgain: who takes question after question back, until one is
// answered by mistake, may ask no more.
func TestAskedAgainAndAgain(t *testing.T) {
	p := newPeopled()
	kinds := screen.Kinds(screen.Config{Desk: p})
	var notes noted
	for n := range 3 {
		l := look(t, kinds[n%2], asking(t, true, &notes))
		l.until(t, "question", func() bool { a, _, _ := p.seen(); return len(a) == n+1 })
		l.stream.Close()
		select {
		case <-l.done:
		case <-time.After(20 * time.Second):
			t.Fatal("the question outlives its session")
		}
	}
	if got := reasonOf(t, look(t, kinds[1], asking(t, true, &notes)).ended(t)); got != "the person at the device has just said no; try again in two minutes" {
		t.Errorf("ended: %q", got)
	}
	other := asking(t, true, &notes)
	other.Technician = "omar"
	l := look(t, kinds[1], other)
	l.until(t, "another's question", func() bool { a, _, _ := p.seen(); return len(a) == 4 })
}

// TestNobodyIsAskedForNoPlace: eight look, six of them one technician; whoever
// has no place disturbs nobody.
func TestNobodyIsAskedForNoPlace(t *testing.T) {
	p := newPeopled()
	kinds := screen.Kinds(screen.Config{Desk: p, Video: noVideo})
	var notes noted
	by := func(technician string, consent bool) session.Request {
		r := asking(t, consent, &notes)
		r.Technician = technician
		return r
	}
	enter := func(technician string) *looking {
		l := look(t, kinds[1], by(technician, false))
		l.sees(t, p.Desk, image.Rect(0, 0, 300, 200))
		return l
	}
	refused := func(technician string) {
		t.Helper()
		r := by(technician, true)
		if err := kinds[0].(session.Admitter).Admit(r); !errors.Is(err, session.ErrBusy) { //nolint:forcetypeassert // it is one
			t.Errorf("%s is admitted: %v", technician, err)
		}
		if err := look(t, kinds[1], r).ended(t); !errors.Is(err, session.ErrBusy) {
			t.Errorf("%s: ended with %v", technician, err)
		}
	}
	var annas []*looking
	for range 6 {
		annas = append(annas, enter("anna"))
	}
	refused("anna")
	omars := enter("omar")
	refused("omar")
	refused("anna")
	enter("rosa")
	refused("zoe")
	if asked, _, _ := p.seen(); len(asked) != 0 {
		t.Errorf("asked %v", asked)
	}
	omars.stream.Close()
	_ = omars.ended(t)
	refused("anna")
	annas[0].stream.Close()
	_ = annas[0].ended(t)
	refused("anna")
	look(t, kinds[1], by("zoe", true)).until(t, "question", func() bool { a, _, _ := p.seen(); return len(a) == 1 })
}

// TestOneQuestionAtATime, and none where nobody can be asked.
func TestOneQuestionAtATime(t *testing.T) {
	p := newPeopled()
	kinds := screen.Kinds(screen.Config{Desk: p})
	var notes noted
	first := look(t, kinds[1], asking(t, true, &notes))
	first.until(t, "question", func() bool { a, _, _ := p.seen(); return len(a) == 1 })
	second := look(t, kinds[1], asking(t, true, &notes))
	if got := reasonOf(t, second.ended(t)); got != "the person at the device is being asked already; try again in a moment" {
		t.Errorf("ended: %q", got)
	}
	first.stream.Close()
	select {
	case <-first.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the question outlives its session")
	}
	third := look(t, kinds[1], asking(t, true, &notes))
	third.until(t, "question", func() bool { a, _, _ := p.seen(); return len(a) == 2 })

	mute := look(t, kindOf(screentest.New(image.Pt(10, 10)), screen.Control), asking(t, true, &notes))
	if got := reasonOf(t, mute.ended(t)); got != "somebody at the device has to agree, and nobody can be asked on this display" {
		t.Errorf("ended: %q", got)
	}
}
