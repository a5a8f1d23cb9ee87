package sessiontest_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"warren/session"
	"warren/session/sessiontest"
)

func TestPipeKeepsWhatWasSentBeforeTheEnd(t *testing.T) {
	a, b, _ := sessiontest.Pipe()
	for _, m := range []string{"one", "two"} {
		if err := a.Send(t.Context(), []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	for _, want := range []string{"one", "two"} {
		if got, err := b.Receive(t.Context()); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := b.Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	if err := b.Send(t.Context(), []byte("x")); err == nil {
		t.Error("a closed pipe took a message")
	}
}

func TestPipeCut(t *testing.T) {
	a, b, cut := sessiontest.Pipe()
	if err := a.Send(t.Context(), []byte("lost")); err != nil {
		t.Fatal(err)
	}
	cut()
	for _, s := range []session.Stream{a, b} {
		if _, err := s.Receive(t.Context()); !errors.Is(err, session.ErrLost) {
			t.Errorf("the end is %v", err)
		}
	}
}

func TestPipeBlocks(t *testing.T) {
	a, b, _ := sessiontest.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	sent := 0
	for ; sent < 1000; sent++ {
		if err := a.Send(ctx, make([]byte, session.MaxMessage)); err != nil {
			break
		}
	}
	if sent == 0 || sent > 16 {
		t.Errorf("%d messages were taken that nobody reads", sent)
	}
	if _, err := b.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(t.Context(), []byte("room again")); err != nil {
		t.Error(err)
	}
	for _, n := range []int{0, session.MaxMessage + 1} {
		if err := a.Send(t.Context(), make([]byte, n)); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("a message of %d bytes gave %v", n, err)
		}
	}
}
