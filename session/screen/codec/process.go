package codec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// helper is one process.
type helper struct {
	process  *os.Process
	commands *os.File
	answers  *os.File
	over     chan struct{} // closed when it is over
	state    error         // how it ended, once over is closed; *exec.ExitError
}

// errSlow is a helper that does not answer.
var errSlow = errors.New("the codec helper did not answer in time")

// ask sends message and reads its one answer.
func (h *helper) ask(ctx context.Context, message []byte, patience time.Duration, limit int) (answer, error) {
	stop := context.AfterFunc(ctx, h.kill)
	defer stop()
	deadline := time.Now().Add(patience)
	if err := errors.Join(h.commands.SetWriteDeadline(deadline), h.answers.SetReadDeadline(deadline)); err != nil {
		return answer{}, fmt.Errorf("bound the codec helper's time: %w", err)
	}
	// What a dying helper says counts for more than that it took no command.
	_, sendErr := h.commands.Write(message)
	a, err := readAnswer(h.answers, limit)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return answer{}, fmt.Errorf("%w (%v)", errSlow, patience)
	case err == nil && a.kind == isFailed:
		return answer{}, fmt.Errorf("the codec helper failed: %s", a.reason())
	case err == nil:
		return a, sendErr
	}
	return answer{}, err
}

func (h *helper) kill() { _ = h.process.Kill() }

// end kills the process and waits until it is gone.
func (h *helper) end() {
	h.kill()
	<-h.over
	_ = h.commands.Close()
	_ = h.answers.Close()
}

// autopsy ends the helper; err says what was noticed first.
func (h *helper) autopsy(err error) error {
	// A helper that closed its pipe is about to end, by itself.
	if !errors.Is(err, errSlow) && !errors.Is(err, errGarbage) {
		select {
		case <-h.over:
		case <-time.After(time.Second):
		}
	}
	select {
	case <-h.over:
		var exit *exec.ExitError
		if errors.As(h.state, &exit) {
			err = fmt.Errorf("%w (it ended: %w)", err, exit)
		}
	default:
	}
	h.end()
	return err
}
