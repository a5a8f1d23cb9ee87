package screen_test

import (
	"context"
	"errors"
	"image"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/codec"
	"warren/session/screen/screentest"
	"warren/session/screen/tiles"
	"warren/session/sessiontest"
)

// counted notes when frames went out, and how long they were.
type counted struct {
	session.Stream
	mu   sync.Mutex
	sent []sent
}

type sent struct {
	at    time.Time
	bytes int
}

func (c *counted) Send(ctx context.Context, m []byte) error {
	if m[0] != 0x01 { // events are no picture
		c.mu.Lock()
		c.sent = append(c.sent, sent{time.Now(), len(m)})
		c.mu.Unlock()
	}
	return c.Stream.Send(ctx, m)
}

// between gives what went out in the worst second of a span, and in the mean
// one.
func (c *counted) between(from, to time.Time) (most int, mean float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := 0
	for i, s := range c.sent {
		if s.at.Before(from) || s.at.After(to) {
			continue
		}
		all += s.bytes
		second := 0
		for _, o := range c.sent[i:] {
			if o.at.Sub(s.at) < time.Second {
				second += o.bytes
			}
		}
		most = max(most, second)
	}
	return most, float64(all) / to.Sub(from).Seconds()
}

// filmAtMost paints what no compression makes smaller, in front of a viewer on
// a link without end who allows so much.
func filmAtMost(t *testing.T, kbit uint32, mode string, coder func(context.Context, codec.Options) (screen.Coder, error)) {
	desk := screentest.New(image.Pt(640, 480))
	kind := screen.Kinds(screen.Config{Desk: desk, Video: coder})[0]
	technician, device, cut := sessiontest.Pipe()
	count := &counted{Stream: device}
	var mu sync.Mutex
	videos := 0
	client := screentest.NewClient(technician, screentest.Output{Painted: func(f tiles.Frame, _ *image.NRGBA) {
		mu.Lock()
		defer mu.Unlock()
		if f.Codec != tiles.CodecZstd {
			videos++
		}
	}})
	ctx, cancel := context.WithCancel(context.Background())
	served, ran := make(chan error, 1), make(chan error, 1)
	request := ask(t, screen.View, &warrenv1.ScreenRequest{})
	go func() { served <- kind.Serve(ctx, count, request) }()
	go func() { ran <- client.Run(ctx) }()
	wish := &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Quality{Quality: &warrenv1.ScreenChoice{Mode: mode, MaxKbitS: kbit}}}
	if err := client.Input(ctx, wish); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	begun := time.Now()
	for time.Since(begun) < 6*time.Second {
		desk.Paint(image.Rect(64, 64, 512, 384), func(int, int) uint32 { return random.Uint32() })
		time.Sleep(time.Second / 30)
	}
	most, mean := count.between(begun.Add(2*time.Second), begun.Add(5*time.Second))
	mu.Lock()
	seen := videos
	mu.Unlock()
	t.Logf("%s, at most %d kbit/s: %d in the worst second, %.0f in the mean, %d pictures of video", mode, kbit, most*8/1000, mean*8/1000, seen)
	if most*8/1000 > int(kbit) {
		t.Errorf("%d kbit in a second, of at most %d", most*8/1000, kbit)
	}
	if mean*8/1000 < 0.5*float64(kbit) {
		t.Errorf("%.0f kbit/s of %d are used", mean*8/1000, kbit)
	}
	if (mode == "video") != (seen > 10) {
		t.Errorf("%d pictures of video", seen)
	}
	cut()
	cancel()
	<-served
	<-ran
}

// TestAtMost: what the viewer allows is kept in each second, and used, whatever
// the link carries and the codec makes.
func TestAtMost(t *testing.T) {
	for _, kbit := range []uint32{500, 2000, 10_000} {
		synctest.Test(t, func(t *testing.T) { filmAtMost(t, kbit, "lossless", noVideo) })
	}
	for _, kbit := range []uint32{500, 800} { // the codec makes some 960
		s := newStudio(func(int) (*coder, error) { return &coder{}, nil })
		synctest.Test(t, func(t *testing.T) { filmAtMost(t, kbit, "video", s.start) })
	}
}

// moody makes pictures that are a quarter of what may go out, then twice that.
type moody struct {
	*coder
	kbit int
}

func (m *moody) SetBitrate(kbit int) { m.kbit = kbit }

func (m *moody) Encode(ctx context.Context, at time.Duration, key bool) (codec.Packet, error) {
	p, err := m.coder.Encode(ctx, at, key)
	n := m.kbit * 1000 / 8 / 30
	if m.count%50 < 15 {
		n /= 4
	} else {
		n *= 2
	}
	p.Bytes = m.pixels[:n]
	return p, err
}

// TestAtMostOfUnevenVideo: what quiet pictures have left is not spent at once.
func TestAtMostOfUnevenVideo(t *testing.T) {
	s := newStudio(func(int) (*coder, error) { return &coder{}, nil })
	synctest.Test(t, func(t *testing.T) {
		filmAtMost(t, 2000, "video", func(ctx context.Context, o codec.Options) (screen.Coder, error) {
			c, err := s.start(ctx, o)
			return &moody{c.(*coder), o.Kbit}, err //nolint:forcetypeassert // ours
		})
	})
}

// TestAtMostOfRealVideo is the same with the helper that this build carries.
func TestAtMostOfRealVideo(t *testing.T) {
	e, err := codec.Start(t.Context(), codec.Options{Codec: codec.VP9, Width: 64, Height: 64})
	if errors.Is(err, codec.ErrMissing) {
		t.Skip(err)
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	filmAtMost(t, 2000, "video", nil)
}
