package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	warrenv1 "warren/api/warren/v1"
)

// deaf is a viewer that reads nothing, and waits until it has to leave.
type deaf struct{ left chan struct{} }

func (d deaf) Receive() ([]byte, error)            { return nil, d.wait() }
func (d deaf) Opened(string, *warrenv1.Path) error { return d.wait() }
func (d deaf) Moved(*warrenv1.Path) error          { return d.wait() }
func (d deaf) Send([]byte) error                   { return d.wait() }
func (d deaf) Leave()                              { close(d.left) }

func (d deaf) wait() error {
	<-d.left
	return errViewerGone
}

// TestAViewerLeavesWithItsRight: it may read what was on the way, and no more.
func TestAViewerLeavesWithItsRight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		viewer := deaf{make(chan struct{})}
		defer leaveWith(ctx, viewer)()
		ended := time.Now().Add(time.Hour)
		time.AfterFunc(time.Hour, cancel)
		_ = viewer.Send(nil)
		if late := time.Since(ended); late != lastWords {
			t.Errorf("it left %v after its right", late)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		viewer := deaf{make(chan struct{})}
		undo := leaveWith(ctx, viewer)
		cancel()
		time.Sleep(lastWords / 2)
		undo() // the session's end is told in order
		time.Sleep(time.Hour)
		select {
		case <-viewer.left:
			t.Error("a viewer that is done has to leave")
		default:
		}
	})
}
