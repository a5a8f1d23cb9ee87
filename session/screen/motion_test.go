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
	"warren/session/screen/codec"
	"warren/session/screen/screentest"
	"warren/session/screen/tiles"
	"warren/session/sessiontest"
)

// coder is a codec whose packets are what it was given.
type coder struct {
	mu     sync.Mutex
	size   image.Point
	pixels []byte
	count  int
	closed bool
	fail   func(count int) error
	hang   bool
}

func (c *coder) Lay(r image.Rectangle, pixels []byte, stride int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || !r.In(image.Rectangle{Max: c.size}) {
		return fmt.Errorf("lay %v, closed %v", r, c.closed)
	}
	for y := range r.Dy() {
		copy(c.pixels[((r.Min.Y+y)*c.size.X+r.Min.X)*4:][:r.Dx()*4], pixels[y*stride:])
	}
	return nil
}

func (c *coder) Encode(ctx context.Context, _ time.Duration, _ bool) (codec.Packet, error) {
	if c.hang {
		<-ctx.Done()
		return codec.Packet{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	if c.fail != nil {
		if err := c.fail(c.count); err != nil {
			return codec.Packet{}, err
		}
	}
	return codec.Packet{Bytes: slices.Clone(c.pixels[:min(len(c.pixels), 4000)]), Key: c.count == 1}, nil
}

func (c *coder) SetBitrate(int) {}

func (c *coder) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

// studio is a desk with a film on it, and what makes video of that.
type studio struct {
	desk   *screentest.Desk
	film   image.Rectangle
	mu     sync.Mutex
	coders []*coder
	make   func(n int) (*coder, error)
}

func (s *studio) start(_ context.Context, o codec.Options) (screen.Coder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.make(len(s.coders))
	if err != nil {
		return nil, err
	}
	c.size, c.pixels = image.Pt(o.Width, o.Height), make([]byte, o.Width*o.Height*4)
	s.coders = append(s.coders, c)
	return c, nil
}

// show looks at the film while it runs, until what came satisfies.
func (s *studio) show(t *testing.T, video func(context.Context, codec.Options) (screen.Coder, error), until func(*looking) bool) (*looking, []tiles.Frame) {
	t.Helper()
	kinds := screen.Kinds(screen.Config{Desk: s.desk, Video: video})
	kind := kinds[slices.IndexFunc(kinds, func(k session.Kind) bool { return k.Verb() == screen.View })]
	l := look(t, kind, ask(t, screen.View, &warrenv1.ScreenRequest{}))
	l.sees(t, s.desk, image.Rect(0, 0, 640, 480))
	wish := &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Quality{Quality: &warrenv1.ScreenChoice{Mode: "video"}}}
	if err := l.Input(t.Context(), wish); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for i := 0; ; i++ {
		s.desk.Paint(s.film, func(x, y int) uint32 { return uint32((x + i*3) * (y + i) * 77) })
		l.mu.Lock()
		done := until(l)
		l.mu.Unlock()
		if done {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("what was waited for did not come in 30 s")
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.desk.Paint(image.Rect(0, 0, 640, 20), func(x, y int) uint32 { return uint32(x * y * 5) })
	l.sees(t, s.desk, image.Rect(0, 0, 640, 480)) // it rests: built up without loss
	l.mu.Lock()
	defer l.mu.Unlock()
	return l, slices.Clone(l.all)
}

func newStudio(make func(n int) (*coder, error)) *studio {
	return &studio{desk: screentest.New(image.Pt(640, 480)), film: image.Rect(128, 64, 512, 384), make: make}
}

// checkVideo: a key first, then changes, all of one region that holds the film.
func checkVideo(t *testing.T, film image.Rectangle, frames []tiles.Frame) {
	t.Helper()
	n := 0
	for i, f := range frames {
		if f.Codec == tiles.CodecZstd {
			continue
		}
		if len(f.Tiles) != 1 || !film.In(f.Tiles[0]) || f.Flags != 0 || len(f.Body) < 2 || f.Codec != tiles.CodecVP9 {
			t.Fatalf("frame %d: %v, %d bytes, codec %d, flags %d", i, f.Tiles, len(f.Body), f.Codec, f.Flags)
		}
		if key := f.Body[0]&1 == 1; key != (n == 0) {
			t.Errorf("video frame %d: key %v", n, key)
		}
		n++
	}
	if n < 3 {
		t.Errorf("%d frames of video", n)
	}
	if last := frames[len(frames)-1]; last.Flags&tiles.Complete == 0 {
		t.Error("the picture never was complete")
	}
}

// videos counts the frames of video so far.
func (l *looking) videos() (n int) {
	for _, f := range l.all {
		if f.Codec != tiles.CodecZstd {
			n++
		}
	}
	return n
}

func TestWhatMovesIsVideo(t *testing.T) {
	sessiontest.NoLeaks(t)
	s := newStudio(func(int) (*coder, error) { return &coder{}, nil })
	l, frames := s.show(t, s.start, func(l *looking) bool {
		return l.videos() > 10 && has(l.events, func(e *warrenv1.ScreenEvent) bool {
			q := e.GetQuality()
			return q.GetMode() == "video" && q.GetCodec() == "VP9" && q.GetWhy() == "video was asked for"
		})
	})
	checkVideo(t, s.film, frames)
	l.stream.Close()
	_ = l.ended(t)
	for _, c := range s.coders {
		if !c.closed {
			t.Error("a codec was left open")
		}
	}
}

// TestRealVideo: the helper that this build carries.
func TestRealVideo(t *testing.T) {
	e, err := codec.Start(t.Context(), codec.Options{Codec: codec.VP9, Width: 64, Height: 64})
	if errors.Is(err, codec.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	s := newStudio(nil)
	_, frames := s.show(t, nil, func(l *looking) bool { return l.videos() > 10 })
	checkVideo(t, s.film, frames)
}

// TestVideoFails: the session goes on without, and says so.
func TestVideoFails(t *testing.T) {
	sessiontest.NoLeaks(t)
	for name, make := range map[string]func(int) (*coder, error){
		"not there": func(int) (*coder, error) { return nil, codec.ErrMissing },
		"dies": func(int) (*coder, error) {
			return &coder{fail: func(n int) error {
				if n > 3 {
					return codec.ErrGivenUp
				}
				return nil
			}}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStudio(make)
			_, frames := s.show(t, s.start, func(l *looking) bool {
				return has(l.events, func(e *warrenv1.ScreenEvent) bool { return e.GetNote() != nil })
			})
			if last := frames[len(frames)-1]; last.Codec != tiles.CodecZstd {
				t.Error("it ends with video")
			}
			if len(s.coders) > 1 {
				t.Errorf("%d codecs were started", len(s.coders))
			}
		})
	}
}

// TestVideoHangs: nothing waits for it.
func TestVideoHangs(t *testing.T) {
	sessiontest.NoLeaks(t)
	s := newStudio(func(int) (*coder, error) { return &coder{hang: true}, nil })
	until := time.Now().Add(2 * time.Second)
	l, _ := s.show(t, s.start, func(*looking) bool { return time.Now().After(until) })
	s.mu.Lock()
	started := len(s.coders)
	s.mu.Unlock()
	if started == 0 {
		t.Error("no codec was started")
	}
	l.stream.Close()
	_ = l.ended(t)
}

// TestPictureAtRestIsSaidOnce: no rate of a second ago stays in the viewer's bar.
func TestPictureAtRestIsSaidOnce(t *testing.T) {
	desk := screentest.New(image.Pt(300, 200))
	l := look(t, screen.Kinds(screen.Config{Desk: desk, Video: noVideo})[0], ask(t, screen.View, &warrenv1.ScreenRequest{}))
	l.sees(t, desk, image.Rect(0, 0, 300, 200))
	rates := func() (out []uint32) {
		for _, e := range l.events {
			if q := e.GetQuality(); q != nil {
				out = append(out, q.GetFramesS())
			}
		}
		return out
	}
	l.until(t, "at rest", func() bool { r := rates(); return len(r) > 1 && r[len(r)-1] == 0 })
	time.Sleep(2500 * time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := rates(); len(r) != 2 || r[0] == 0 {
		t.Errorf("pictures a second: %v", r)
	}
}
