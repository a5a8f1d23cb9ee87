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
type Desk struct {
	cfg Config

	mu      sync.Mutex
	running *server
	leases  int
}

// New makes the desk.
func New(cfg Config) *Desk {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{cfg: cfg}
}

// Open implements screen.Desk.
func (k *Desk) Open(ctx context.Context, want screen.Want) (screen.Display, error) {
	d, err := k.cfg.Inner.Open(ctx, want)
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

// lease gives the display of this desk, started where it does not run. end is
// called once, when the session does.
func (k *Desk) lease(ctx context.Context, size image.Point) (name string, end func(), err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running != nil && k.running.ended() {
		k.running, k.leases = nil, 0
	}
	if k.running == nil {
		s, err := start(ctx, k.cfg, size)
		if err != nil {
			return "", nil, err
		}
		k.running, k.leases = s, 0
	}
	return k.running.name, k.take(k.running), nil
}

// leased keeps a display that is this desk's from ending under a session.
func (k *Desk) leased(d screen.Display) screen.Display {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil || k.running.ended() || k.running.name != d.Name() {
		return d
	}
	return &display{Display: d, end: k.take(k.running)}
}

// take counts a session on s, k.mu held.
func (k *Desk) take(s *server) (end func()) {
	k.leases++
	return sync.OnceFunc(func() {
		k.mu.Lock()
		last := false
		if k.running == s {
			k.leases--
			if last = k.leases == 0; last {
				k.running = nil
			}
		}
		k.mu.Unlock()
		if last {
			s.stop()
		}
	})
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
