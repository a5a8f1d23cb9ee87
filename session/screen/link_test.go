package screen_test

import (
	"context"
	"fmt"
	"image"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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

// thin is the device's end of a link that carries so many bytes a second, and
// takes its time, in both directions.
type thin struct {
	session.Stream
	rate  int
	delay time.Duration
	queue chan []byte // what Send has taken, as SCTP does
	way   chan due
	back  chan due
	parts sync.WaitGroup
}

type due struct {
	message []byte
	at      time.Time
}

func newThin(ctx context.Context, inner session.Stream, kbit int, delay time.Duration) *thin {
	l := &thin{Stream: inner, rate: kbit * 1000 / 8, delay: delay, queue: make(chan []byte, 16), way: make(chan due, 1024), back: make(chan due, 1024)}
	l.parts.Go(func() {
		for ctx.Err() == nil {
			select {
			case m := <-l.queue:
				time.Sleep(time.Duration(len(m)+50) * time.Second / time.Duration(l.rate))
				l.way <- due{m, time.Now().Add(delay)}
			case <-ctx.Done():
			}
		}
	})
	l.parts.Go(func() {
		for ctx.Err() == nil {
			select {
			case d := <-l.way:
				time.Sleep(time.Until(d.at))
				_ = inner.Send(ctx, d.message)
			case <-ctx.Done():
			}
		}
	})
	l.parts.Go(func() {
		for ctx.Err() == nil {
			m, err := inner.Receive(ctx)
			if err != nil {
				close(l.back)
				return
			}
			l.back <- due{m, time.Now().Add(delay)}
		}
	})
	return l
}

func (l *thin) Send(ctx context.Context, m []byte) error {
	select {
	case l.queue <- slices.Clone(m):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *thin) Receive(ctx context.Context) ([]byte, error) {
	select {
	case d, open := <-l.back:
		if !open {
			return nil, session.ErrLost
		}
		time.Sleep(time.Until(d.at))
		return d.message, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// measured is what a viewer on a thin link saw.
type measured struct {
	mu     sync.Mutex
	ages   []time.Duration // of the pixels when they were painted
	bytes  int
	frames int
	whole  bool
}

func (m *measured) percentile(n int) time.Duration {
	if len(m.ages) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(m.ages))
	return s[min(len(s)*n/100, len(s)-1)]
}

// onThinLink looks at a desk for a while in which do paints, and gives what
// was seen. In the end the picture has to be the desk's.
func onThinLink(t *testing.T, desk *screentest.Desk, kbit int, delay time.Duration, do func(ctx context.Context)) *measured {
	m := &measured{}
	technician, device, cut := sessiontest.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	link := newThin(ctx, device, kbit, delay)
	served, ran := make(chan error, 1), make(chan error, 1)
	begun := time.Now()
	go func() {
		served <- kindOf(desk, screen.View).Serve(ctx, link, ask(t, screen.View, &warrenv1.ScreenRequest{}))
	}()
	var picture *image.NRGBA
	go func() {
		ran <- screentest.NewClient(technician, screentest.Output{Painted: func(f tiles.Frame, p *image.NRGBA) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.ages = append(m.ages, time.Since(begun)-time.Duration(f.Time)*time.Millisecond)
			m.frames++
			m.bytes += f.Raw
			m.whole = f.Flags&tiles.Complete != 0
			picture = p
		}}).Run(ctx)
	}()
	do(ctx)
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		synctest.Wait()
		m.mu.Lock()
		whole := m.whole && desk.Equal(picture, picture.Rect)
		m.mu.Unlock()
		if whole {
			t.Logf("%d kbit/s, %v: %d frames, age %v median, %v p95, %v at most; whole %v after the last change", kbit, delay,
				m.frames, m.percentile(50), m.percentile(95), m.percentile(100), time.Since(start))
			break
		}
		if time.Since(start) > 30*time.Second {
			t.Fatal("the picture is not whole 30 s after the last change")
		}
	}
	cut()
	cancel()
	<-served
	<-ran
	link.parts.Wait()
	return m
}

// TestNoiseOnThinLinks: a picture that cannot be sent in time is sent as it is
// by then, and nothing piles up.
func TestNoiseOnThinLinks(t *testing.T) {
	for _, link := range []struct {
		kbit  int
		delay time.Duration
		late  time.Duration
		used  float64
		lasts int // seconds
	}{
		{2000, 15 * time.Millisecond, 100 * time.Millisecond, 0.6, 60},
		{5000, 15 * time.Millisecond, 100 * time.Millisecond, 0.6, 20},
		{1000, 80 * time.Millisecond, 150 * time.Millisecond, 0.4, 20},
		{100000, time.Millisecond, 100 * time.Millisecond, 0.05, 10},
	} {
		t.Run(fmt.Sprintf("%d kbit, %v", link.kbit, link.delay), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				desk := screentest.New(image.Pt(200, 150))
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				m := onThinLink(t, desk, link.kbit, link.delay, func(context.Context) {
					random := rand.New(rand.NewPCG(1, 1))
					for range link.lasts * 20 {
						desk.Paint(image.Rect(0, 0, 200, 150), func(int, int) uint32 { return random.Uint32() })
						time.Sleep(50 * time.Millisecond)
					}
				})
				runtime.GC()
				runtime.ReadMemStats(&after)
				// On the way and queued, and not more: a frame's own time is in it.
				if late := m.percentile(95) - link.delay; late > link.late {
					t.Errorf("pixels are %v late at p95, beyond the way's own time", late)
				}
				if after.HeapAlloc > before.HeapAlloc+8<<20 {
					t.Errorf("the heap grew by %d bytes", after.HeapAlloc-before.HeapAlloc)
				}
				// The link is used: three quarters of a noise pixel travel.
				if sent := float64(m.bytes) * 3 / 4 * 8 / float64(link.lasts) / 1000; sent < link.used*float64(link.kbit) {
					t.Errorf("%.0f kbit/s of %d are used", sent, link.kbit)
				}
			})
		})
	}
}

// TestWorkOnThinLinks: what people do at a desk is at most 250 ms behind.
func TestWorkOnThinLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := screentest.New(image.Pt(640, 400))
		random := rand.New(rand.NewPCG(1, 1))
		line := func(y, from, to int) {
			letters := make([]uint32, (to-from)/6+1)
			for i := range letters {
				letters[i] = random.Uint32()
			}
			desk.Paint(image.Rect(from, y, to, y+13), func(x, dy int) uint32 {
				dy -= y
				if dy > 2 && letters[(x-from)/6]>>((dy*5+(x-from)%6)%32)&1 == 1 {
					return 0
				}
				return 0xffffff
			})
		}
		m := onThinLink(t, desk, 5000, 15*time.Millisecond, func(context.Context) {
			for y := 0; y+13 <= 400; y += 13 {
				line(y, 0, 640)
			}
			time.Sleep(3 * time.Second)
			for i := range 150 { // typing
				line(195, 6*(i%100), 6*(i%100)+6)
				time.Sleep(time.Duration(40+random.IntN(40)) * time.Millisecond)
			}
			for range 100 { // scrolling, 30 lines a second
				desk.Scroll(image.Rect(0, 0, 640, 390), -13)
				line(377, 0, 640)
				time.Sleep(time.Second / 30)
			}
		})
		if late := m.percentile(95); late > 250*time.Millisecond {
			t.Errorf("%v behind at p95", late)
		}
	})
}

// TestNoVideoForNobody: a page that is hidden is no thin link.
func TestNoVideoForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := screentest.New(image.Pt(320, 240))
		var started atomic.Int32
		kinds := screen.Kinds(screen.Config{Desk: desk, Video: func(context.Context, codec.Options) (screen.Coder, error) {
			started.Add(1)
			return nil, codec.ErrMissing
		}})
		technician, device, cut := sessiontest.Pipe()
		ctx, cancel := context.WithCancel(context.Background())
		served, read := make(chan error, 1), make(chan error, 1)
		go func() { served <- kinds[0].Serve(ctx, device, ask(t, screen.View, &warrenv1.ScreenRequest{})) }()
		go func() {
			for {
				if _, err := technician.Receive(ctx); err != nil {
					read <- err
					return
				}
			}
		}()
		random := rand.New(rand.NewPCG(1, 1))
		for range 100 {
			desk.Paint(image.Rect(0, 0, 320, 240), func(int, int) uint32 { return random.Uint32() })
			time.Sleep(50 * time.Millisecond)
		}
		if n := started.Load(); n != 0 {
			t.Errorf("%d videos were begun", n)
		}
		cut()
		cancel()
		<-served
		<-read
	})
}

// TestViewerThatAcknowledgesNothing costs no more than what may be on the way,
// and no grabs.
func TestViewerThatAcknowledgesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := screentest.New(image.Pt(320, 240))
		technician, device, cut := sessiontest.Pipe()
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		kind := kindOf(desk, screen.View)
		go func() { served <- kind.Serve(ctx, device, ask(t, screen.View, &warrenv1.ScreenRequest{})) }()
		got := make(chan int, 1)
		go func() {
			n := 0
			for {
				m, err := technician.Receive(ctx)
				if err != nil {
					got <- n
					return
				}
				n += len(m)
			}
		}()
		other := look(t, kind, ask(t, screen.View, &warrenv1.ScreenRequest{}))
		random := rand.New(rand.NewPCG(1, 1))
		for range 100 {
			desk.Paint(image.Rect(0, 0, 320, 240), func(int, int) uint32 { return random.Uint32() })
			time.Sleep(50 * time.Millisecond)
		}
		other.sees(t, desk, image.Rect(0, 0, 320, 240))
		cut()
		cancel()
		<-served
		if n := <-got; n > 128<<10 {
			t.Errorf("%d bytes were sent to a viewer that acknowledges nothing", n)
		}
		other.stream.Close()
		<-other.done
	})
}
