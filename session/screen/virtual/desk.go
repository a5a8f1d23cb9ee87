package virtual

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"sync"

	"warren/session/screen"
)

// Config says where displays come from.
type Config struct {
	// Inner opens the displays that there are.
	Inner screen.Desk
	// User is as whom the display runs, where the node is root; empty is nobody.
	User string
	// Log is for the device's own log; nil is silence.
	Log *slog.Logger
}

// Desk is the inner one, and a display of its own where that has none.
//
//	none --lease--> starting --> running, of so many leases --last one ends--> stopping --> none
//
// Whoever starts or stops it has turn; others wait for that, or for their end.
type Desk struct {
	cfg  Config
	turn chan struct{}

	mu      sync.Mutex
	running *server
	leases  int
}

// New makes the desk.
func New(cfg Config) *Desk {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{cfg: cfg, turn: make(chan struct{}, 1)}
}

// Open implements screen.Desk.
func (k *Desk) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	// Held while the inner one looks, which may find the display of this desk:
	// it is not to end just then.
	own, end, err := k.hold(ctx)
	if err != nil {
		return nil, err
	}
	d, err := k.cfg.Inner.Open(ctx, want)
	if err == nil && own == d.Name() {
		return &display{Display: d, end: end}, nil
	}
	defer end()
	var none *screen.Unavailable
	switch {
	case err == nil:
		return k.leased(d), nil
	case !want.Virtual || want.Display != "" || !errors.As(err, &none):
		return nil, err
	}
	name, end, err := k.lease(ctx, want.Size)
	if err != nil {
		return nil, err
	}
	want.Display = name
	d, err = k.cfg.Inner.Open(ctx, want)
	if err != nil {
		end()
		return nil, err
	}
	return &display{Display: d, end: end}, nil
}

// hold keeps the display that runs, if one does, from ending before end.
func (k *Desk) hold(ctx context.Context) (name string, end func(), err error) {
	if err := k.await(ctx); err != nil {
		return "", nil, err
	}
	defer k.yield()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil || k.running.ended() {
		return "", func() {}, nil
	}
	return k.running.name, k.take(k.running), nil
}

// leased keeps a display that has become this desk's since hold from ending
// under a session.
func (k *Desk) leased(d screen.Display) screen.Display {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil || k.running.ended() || k.running.name != d.Name() {
		return d
	}
	return &display{Display: d, end: k.take(k.running)}
}

// lease gives the display of this desk, started where it does not run. end is
// called once, when the session does.
func (k *Desk) lease(ctx context.Context, size image.Point) (name string, end func(), err error) {
	if err := k.await(ctx); err != nil {
		return "", nil, err
	}
	defer k.yield()
	k.mu.Lock()
	s := k.running
	k.mu.Unlock()
	if s == nil || s.ended() {
		if s, err = start(ctx, k.cfg, size); err != nil {
			return "", nil, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running != s {
		k.running, k.leases = s, 0
	}
	return s.name, k.take(s), nil
}

// await waits for the turn, which yield gives up.
func (k *Desk) await(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *Desk) yield() { <-k.turn }

// take counts a session on s, k.mu held.
func (k *Desk) take(s *server) (end func()) {
	k.leases++
	return sync.OnceFunc(func() {
		if !k.leave(s) {
			return
		}
		k.turn <- struct{}{}
		defer k.yield()
		k.mu.Lock()
		last := k.running == s && k.leases == 0 // still
		if last {
			k.running = nil
		}
		k.mu.Unlock()
		if last {
			s.stop()
		}
	})
}

// leave counts a session less on s, and tells whether it was the last.
func (k *Desk) leave(s *server) (last bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running != s {
		return false
	}
	k.leases--
	return k.leases == 0
}

// display is one that nobody sits at: it is no screen.Person.
type display struct {
	screen.Display
	end func()
}

// Close implements screen.Display.
func (d *display) Close() error {
	err := d.Display.Close()
	d.end()
	return err
}
