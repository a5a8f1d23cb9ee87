package api

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
	"warren/session/broker"
	"warren/session/screen"
)

// DesktopOpen is what a viewer begins with.
type DesktopOpen struct {
	// Device by name, id or address.
	Device string
	// Verb is "view" or "control".
	Verb string
	// Screen is what to look at there.
	Screen *warrenv1.ScreenRequest
}

// Viewer is what a desktop is opened for: a page behind a WebSocket. One
// goroutine receives, one at a time calls the others. Messages are those of
// package session/screen; nothing here looks into them.
type Viewer interface {
	// Receive waits for the next message for the device. An error means that the
	// viewer is gone.
	Receive() ([]byte, error)
	Opened(id string, path *warrenv1.Path) error
	// Moved tells that the session travels in another way.
	Moved(path *warrenv1.Path) error
	// Send takes a message of the device, which is the viewer's from then on.
	Send(message []byte) error
	// Leave fails what the viewer waits in, now and from then on. It is called
	// at any time.
	Leave()
}

// lastWords is how long a viewer whose session has ended may take what was on
// the way to it.
const lastWords = time.Second

// errViewerGone ends a desktop whose page was closed.
var errViewerGone = errors.New("the page was closed")

// Desktop is the technician's end of a session with a screen, for the local
// caller of ctx: it copies between the session and the viewer until either
// ends. A slow viewer makes the device wait.
func (l *Local) Desktop(ctx context.Context, open DesktopOpen, viewer Viewer) error {
	r, err := l.running()
	if err != nil {
		return err
	}
	d, err := r.device(open.Device)
	if err != nil {
		return err
	}
	payload, err := screen.Payload(open.Screen)
	if err != nil {
		return fault.New(fault.Invalid, "what to look at: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, path, err := r.openSession(ctx, d, broker.DialConfig{Verb: open.Verb, Payload: payload})
	if err != nil {
		return err
	}
	defer conn.Close()
	own := r.Opened.add(r.opened(ctx, conn.ID(), d, open.Verb, "", path), conn.ID(), cancel)
	defer own.remove()

	defer leaveWith(ctx, viewer)()
	var out oneViewer
	if err := out.do(func() error { return viewer.Opened(conn.ID().String(), path) }); err != nil {
		return err
	}
	defer out.end()
	defer cancel(nil) // first of all: who is still in the viewer has to leave it
	moved := func(path *warrenv1.Path) error {
		return out.do(func() error { return viewer.Moved(path) })
	}
	input := func() error {
		for {
			message, err := viewer.Receive()
			if err != nil {
				return errViewerGone
			}
			if err := conn.Stream().Send(ctx, message); err != nil {
				return nil //nolint:nilerr // the other direction says how the session ended
			}
		}
	}
	for _, part := range []func() error{
		input,
		func() error { return r.lapse(ctx, d) },
		func() error { return r.followPath(ctx, d, own, moved) },
	} {
		go func() { // ends with ctx, or when the handler returns: Receive fails then
			if err := part(); err != nil {
				cancel(err)
			}
		}()
	}
	for {
		message, err := conn.Stream().Receive(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return endedBy(ctx, err)
		}
		if err := out.do(func() error { return viewer.Send(message) }); err != nil {
			if ctx.Err() != nil {
				return endedBy(ctx, err)
			}
			return err
		}
	}
}

// leaveWith makes a viewer leave soon after ctx: one that reads nothing does not
// outlive its right. What it gives undoes that.
func leaveWith(ctx context.Context, viewer Viewer) (undo func()) {
	over := make(chan struct{})
	go func() { // ends with undo at the latest
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		select {
		case <-over:
		case <-time.After(lastWords):
			viewer.Leave()
		}
	}()
	return func() { close(over) }
}

// oneViewer lets one at a time write to a viewer, and nobody once the session's
// handler has returned.
type oneViewer struct {
	mu    sync.Mutex
	ended bool
}

func (o *oneViewer) do(write func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return errViewerGone
	}
	return write()
}

func (o *oneViewer) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}
