package screen_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/codec"
	"warren/session/screen/screentest"
	"warren/session/screen/tiles"
	"warren/session/screen/words"
	"warren/session/sessiontest"
)

func ask(t testing.TB, verb string, r *warrenv1.ScreenRequest) session.Request {
	t.Helper()
	payload, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return session.Request{ID: session.NewID(), Verb: verb, Technician: "tess", Payload: payload}
}

// kindOf is a kind without video: its stories run in a time of their own.
func kindOf(desk screen.Desk, verb string) session.Kind {
	kinds := screen.Kinds(screen.Config{Desk: desk, Video: noVideo})
	return kinds[slices.IndexFunc(kinds, func(k session.Kind) bool { return k.Verb() == verb })]
}

func noVideo(context.Context, codec.Options) (screen.Coder, error) { return nil, codec.ErrMissing }

func TestConformance(t *testing.T) {
	for _, verb := range []string{screen.View, screen.Control} {
		t.Run(verb, func(t *testing.T) {
			desk := screentest.New(image.Pt(300, 200))
			lasting := ask(t, verb, &warrenv1.ScreenRequest{Display: ":7"})
			factory := sessiontest.Factory{
				Kind:     func() session.Kind { return kindOf(desk, verb) },
				Request:  lasting,
				Exchange: func(ctx context.Context, s session.Stream) error { return exchange(ctx, desk, s) },
				Lasting:  lasting,
				Flood:    &lasting,
				Senseless: [][]byte{
					[]byte("\xff\xff\xff"),
					ask(t, verb, &warrenv1.ScreenRequest{Display: string(make([]byte, 100))}).Payload,
					ask(t, verb, &warrenv1.ScreenRequest{Monitor: 1 << 20}).Payload,
					ask(t, verb, &warrenv1.ScreenRequest{MaxWidth: 1 << 20}).Payload,
				},
			}
			sessiontest.Run(t, factory)
		})
	}
}

// exchange looks until the picture is whole, and leaves.
func exchange(ctx context.Context, desk *screentest.Desk, s session.Stream) error {
	colour := rand.Uint32()
	desk.Paint(image.Rect(20, 30, 200, 90), func(x, y int) uint32 { return colour + uint32(x*y) })
	whole := make(chan struct{})
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		once := sync.OnceFunc(func() { close(whole) })
		done <- screentest.NewClient(s, screentest.Output{Painted: func(f tiles.Frame, _ *image.NRGBA) {
			if f.Flags&tiles.Complete != 0 {
				once()
			}
		}}).Run(ctx)
	}()
	select {
	case <-whole:
		s.Close()
		cancel()
		<-done
		return nil
	case err := <-done:
		return fmt.Errorf("before the picture was whole: %w", err)
	}
}

// looking is a viewer of a test.
type looking struct {
	*screentest.Client
	stream session.Stream
	done   chan error // of Serve
	over   chan error // of Run

	mu      sync.Mutex
	picture *image.NRGBA
	whole   bool
	events  []*warrenv1.ScreenEvent
	frames  int
	all     []tiles.Frame
	changed chan struct{}
}

// look opens a session in memory.
func look(t testing.TB, k session.Kind, r session.Request) *looking {
	t.Helper()
	technician, device, cut := sessiontest.Pipe()
	return lookOver(t, k, r, technician, device, cut)
}

func lookOver(t testing.TB, k session.Kind, r session.Request, technician, device session.Stream, cut func()) *looking {
	t.Helper()
	l := &looking{stream: technician, done: make(chan error, 1), over: make(chan error, 1), changed: make(chan struct{}, 1)}
	l.Client = screentest.NewClient(technician, screentest.Output{
		Event: func(e *warrenv1.ScreenEvent) {
			l.note(func() {
				l.events = append(l.events, e)
				if e.GetReady() != nil {
					l.picture, l.whole = nil, false
				}
			})
		},
		Painted: func(f tiles.Frame, p *image.NRGBA) {
			l.note(func() {
				l.picture = &image.NRGBA{Pix: slices.Clone(p.Pix), Stride: p.Stride, Rect: p.Rect}
				l.whole = f.Flags&tiles.Complete != 0
				l.frames++
				f.Body = slices.Clone(f.Body)
				l.all = append(l.all, f)
			})
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		err := k.Serve(ctx, device, r)
		device.Close()
		l.done <- err
	}()
	go func() { l.over <- l.Run(ctx) }()
	t.Cleanup(func() {
		cut()
		cancel()
	})
	return l
}

func (l *looking) note(f func()) {
	l.mu.Lock()
	f()
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// until waits until what was seen satisfies.
func (l *looking) until(t testing.TB, what string, satisfied func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		ok := satisfied()
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-l.changed:
		case <-time.After(20 * time.Millisecond): // what is not an event
		case <-deadline:
			t.Fatalf("no %s after 20 s", what)
		}
	}
}

// sees waits until the viewer's picture is the desk's.
func (l *looking) sees(t testing.TB, desk *screentest.Desk, region image.Rectangle) {
	t.Helper()
	l.until(t, "whole picture", func() bool { return l.whole && l.picture != nil && desk.Equal(l.picture, region) })
}

// ended gives what the device's side ended with.
func (l *looking) ended(t testing.TB) error {
	t.Helper()
	select {
	case err := <-l.done:
		return err
	case <-time.After(5 * time.Second):
		t.Fatal("Serve has not returned after 5 s")
		return nil
	}
}

func has(events []*warrenv1.ScreenEvent, f func(*warrenv1.ScreenEvent) bool) bool {
	return slices.ContainsFunc(events, f)
}

func TestPictureFollowsTheDisplay(t *testing.T) {
	sessiontest.NoLeaks(t)
	random := rand.New(rand.NewPCG(7, 7))
	desk := screentest.New(image.Pt(640, 480))
	l := look(t, kindOf(desk, screen.View), ask(t, screen.View, &warrenv1.ScreenRequest{}))
	l.sees(t, desk, image.Rect(0, 0, 640, 480))
	for range 200 {
		x, y := random.IntN(640), random.IntN(480)
		colour := random.Uint32()
		desk.Paint(image.Rect(x, y, x+random.IntN(300), y+random.IntN(100)), func(x, y int) uint32 { return colour * uint32(x^y) })
	}
	l.sees(t, desk, image.Rect(0, 0, 640, 480))
	desk.Resize(image.Pt(200, 700), screen.Monitor{Name: "one", Bounds: image.Rect(0, 0, 200, 300)}, screen.Monitor{Name: "two", Bounds: image.Rect(0, 300, 200, 700)})
	desk.Paint(image.Rect(0, 0, 200, 700), func(x, y int) uint32 { return uint32(x * y) })
	l.sees(t, desk, image.Rect(0, 0, 200, 700))
	if err := l.Input(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_View{View: &warrenv1.ScreenView{Monitor: 2}}}); err != nil {
		t.Fatal(err)
	}
	l.sees(t, desk, image.Rect(0, 300, 200, 700))
	desk.Resize(image.Pt(100, 100)) // the second monitor is gone
	l.sees(t, desk, image.Rect(0, 0, 100, 100))
	l.until(t, "note", func() bool {
		return has(l.events, func(e *warrenv1.ScreenEvent) bool { return e.GetNote() != nil })
	})
	desk.End()
	var end *session.EndError
	if err := l.ended(t); !errors.As(err, &end) || end.Reason != "the display has ended" || !end.Unavailable {
		t.Errorf("the session ended with %v", err)
	}
	<-l.over
	if n := desk.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

func TestWhatTheViewerIsTold(t *testing.T) {
	desk := screentest.New(image.Pt(64, 64))
	desk.Point(image.Pt(5, 6), screen.Cursor{ID: 3, Size: image.Pt(100, 100), Hot: image.Pt(50, 50), RGBA: slices.Repeat([]byte{1, 2, 3, 255}, 10000)})
	control := kindOf(desk, screen.Control)
	l := look(t, control, ask(t, screen.Control, &warrenv1.ScreenRequest{MaxWidth: 5000, MaxHeight: 100, Resize: true}))
	ready := func(e *warrenv1.ScreenEvent) bool {
		r := e.GetReady()
		return r != nil && r.GetDisplay() == ":7" && r.GetControl() && r.GetClipboardIn() && !r.GetClipboardOut() && len(r.GetMonitors()) == 1
	}
	shape := func(e *warrenv1.ScreenEvent) bool {
		return e.GetCursor().GetId() == 3 && len(e.GetCursor().GetRgba()) == 50*50*4 && e.GetCursor().GetHotX() == 25
	}
	for what, f := range map[string]func(e *warrenv1.ScreenEvent) bool{
		"ready": ready, "shape that fits a message": shape,
		"pointer": func(e *warrenv1.ScreenEvent) bool { return e.GetPointer().GetX() == 5 && e.GetPointer().GetY() == 6 },
		"viewer": func(e *warrenv1.ScreenEvent) bool {
			return slices.Equal(e.GetViewers().GetTechnicians(), []string{"tess"})
		},
		"note": func(e *warrenv1.ScreenEvent) bool { return e.GetNote().GetText() != "" },
	} {
		l.until(t, what, func() bool { return has(l.events, f) })
	}
	// A shape that is known is named only.
	desk.Point(image.Pt(5, 6), screen.Cursor{ID: 4, Size: image.Pt(1, 1), RGBA: []byte{0, 0, 0, 0}})
	l.until(t, "hidden pointer", func() bool {
		return has(l.events, func(e *warrenv1.ScreenEvent) bool { return e.GetCursor().GetHidden() })
	})
	desk.Point(image.Pt(5, 6), screen.Cursor{ID: 3, Size: image.Pt(1, 1), RGBA: []byte{0, 0, 0, 255}})
	l.until(t, "known shape", func() bool {
		return has(l.events, func(e *warrenv1.ScreenEvent) bool {
			return e.GetCursor().GetId() == 3 && len(e.GetCursor().GetRgba()) == 0
		})
	})
	second := look(t, control, ask(t, screen.Control, &warrenv1.ScreenRequest{}))
	l.until(t, "second viewer", func() bool {
		return has(l.events, func(e *warrenv1.ScreenEvent) bool { return len(e.GetViewers().GetTechnicians()) == 2 })
	})
	// What was not possible is said, and the session goes on.
	for _, in := range []*warrenv1.ScreenInput{
		{Input: &warrenv1.ScreenInput_Special{Special: "impossible"}},
		{Input: &warrenv1.ScreenInput_Text{Text: "hello"}},
		{Input: &warrenv1.ScreenInput_Pointer{Pointer: &warrenv1.ScreenPointer{X: 9, Y: 9}}},
	} {
		if err := second.Input(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	second.until(t, "note", func() bool {
		return has(second.events, func(e *warrenv1.ScreenEvent) bool {
			return e.GetNote().GetText() == words.NoSpecial.Say("impossible").String() && e.GetNote().GetSaid().GetCode() == "no-special"
		})
	})
	second.stream.Close()
	if err := second.ended(t); err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("the second session ended with %v", err)
	}
	if n := len(desk.Inputs()); n != 3 || desk.Closed() != 1 {
		t.Errorf("%d inputs came, %d seats were left", n, desk.Closed())
	}
}

func TestLookingIsNotControlling(t *testing.T) {
	desk := screentest.New(image.Pt(64, 64))
	l := look(t, kindOf(desk, screen.View), ask(t, screen.View, &warrenv1.ScreenRequest{}))
	l.sees(t, desk, image.Rect(0, 0, 64, 64))
	release := &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Release{Release: &warrenv1.ScreenRelease{}}}
	key := &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Key{Key: &warrenv1.ScreenKey{Code: "KeyA", Key: "a", Down: true}}}
	for _, in := range []*warrenv1.ScreenInput{release, key} {
		if err := l.Input(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	var end *session.EndError
	if err := l.ended(t); !errors.As(err, &end) {
		t.Errorf("the session ended with %v", err)
	}
	if len(desk.Inputs()) != 0 {
		t.Error("input reached the display")
	}
}

// TestLookingChangesNoSize: the display is its person's.
func TestLookingChangesNoSize(t *testing.T) {
	desk := screentest.New(image.Pt(64, 64))
	l := look(t, kindOf(desk, screen.View), ask(t, screen.View, &warrenv1.ScreenRequest{MaxWidth: 50, MaxHeight: 40, Resize: true}))
	notes := func(want int) {
		t.Helper()
		l.until(t, "note", func() bool {
			n := 0
			for _, e := range l.events {
				if e.GetNote() != nil {
					n++
				}
			}
			return n == want
		})
	}
	notes(1)
	view := &warrenv1.ScreenView{Width: 30, Height: 20, Resize: true}
	if err := l.Input(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_View{View: view}}); err != nil {
		t.Fatal(err)
	}
	notes(2)
	l.sees(t, desk, image.Rect(0, 0, 64, 64))
}
