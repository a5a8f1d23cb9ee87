//go:build unix

package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"warren/session"
)

const (
	// readSize is what is read from a PTY or pipe at a time: two full messages.
	readSize = 2 * maxData
	// quiet is how long a finished process's output may be silent before the
	// rest of it is given up: something in the background holds it open.
	quiet = 100 * time.Millisecond
	// drain bounds the waiting, drainBytes the reading, after a process's end.
	drain      = 2 * time.Second
	drainBytes = 4 << 20
)

// Serve implements session.Kind.
func (k *Kind) Serve(ctx context.Context, s session.Stream, r session.Request) error {
	asked, err := decodeRequest(r.Payload)
	if err != nil {
		return err
	}
	as, err := k.account(r)
	if err != nil {
		return err
	}
	var p *process
	run := func() (err error) {
		p, err = start(asked, as, r)
		return err
	}
	if k.hostFiles {
		err = amongHostFiles(run)
	} else {
		err = run()
	}
	var failed *startError
	if errors.As(err, &failed) {
		return report(ctx, s, asked.terminal, failed)
	}
	if err != nil {
		return err
	}
	v := &serving{
		stream: s, process: p, exited: make(chan struct{}), input: newInbox(),
		sent: map[Channel]*sender{Stdout: newSender(), Stderr: newSender()},
	}
	return v.run(ctx)
}

// report tells of a command that could not be started as a shell would.
func report(ctx context.Context, s session.Stream, terminal bool, failed *startError) error {
	message, f := "warren: "+failed.Error(), frame{kind: frameExit, code: int32(failed.code)}
	c := Stderr
	if terminal {
		c = Stdout
		message += "\r\n"
		f.stdout = uint64(len(message))
	} else {
		message += "\n"
		f.stderr = uint64(len(message))
	}
	if err := s.Send(ctx, dataFrame(nil, c, 0, []byte(message))); err != nil {
		return err
	}
	return s.Send(ctx, f.encode())
}

// serving is one running process and its stream.
type serving struct {
	stream  session.Stream
	process *process
	sent    map[Channel]*sender
	input   *inbox
	exited  chan struct{}
}

// run moves bytes until the process has ended and its output is sent, or until
// ctx or the technician's side ends; then the process is made to end.
func (v *serving) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var background sync.WaitGroup
	background.Go(func() { cancel(v.receive(ctx)) })
	background.Go(func() { v.feed(ctx) })
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		v.process.terminate(v.exited)
	})

	var pumps errgroup.Group
	for c, file := range v.process.outputs() {
		pumps.Go(func() error {
			err := v.pump(ctx, c, file)
			if err != nil {
				cancel(err)
			}
			return err
		})
	}
	exit := v.process.wait()
	close(v.exited)
	for _, file := range v.process.outputs() {
		_ = file.SetReadDeadline(time.Now().Add(quiet)) // wakes a pump that waits
	}
	err := pumps.Wait()
	if err == nil && ctx.Err() == nil {
		err = v.stream.Send(ctx, frame{
			kind: frameExit, code: int32(exit.Code), name: exit.Signal,
			stdout: v.sent[Stdout].total(), stderr: v.sent[Stderr].total(),
		}.encode())
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if !stop() {
		<-terminated
	}
	cancel(nil)
	v.process.close()
	background.Wait()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// pump sends what the process prints to one channel.
func (v *serving) pump(ctx context.Context, c Channel, file *os.File) error {
	buffer, message := make([]byte, readSize), make([]byte, 0, session.MaxMessage)
	wait, left := drain, drainBytes
	for {
		ended := false
		select {
		case <-v.exited:
			ended = true
			if wait <= 0 || left <= 0 {
				return nil
			}
			_ = file.SetReadDeadline(time.Now().Add(min(quiet, wait)))
		default:
		}
		before := time.Now()
		n, err := file.Read(buffer)
		if ended {
			wait -= time.Since(before)
			left -= n
		}
		for rest := buffer[:n]; len(rest) > 0; {
			offset, n, err := v.sent[c].reserve(ctx, nil, min(len(rest), maxData))
			if err != nil {
				return err
			}
			message = dataFrame(message, c, offset, rest[:n])
			if err := v.stream.Send(ctx, message); err != nil {
				return err
			}
			rest = rest[n:]
		}
		if err != nil && n == 0 {
			if !ended && errors.Is(err, os.ErrDeadlineExceeded) {
				continue // the process ended since: read the rest of what it left
			}
			return nil // end of file, EIO of a hung-up PTY, silence, closed by terminate
		}
	}
}

// receive takes the technician's frames until the stream ends, and gives the
// reason.
func (v *serving) receive(ctx context.Context) error {
	for {
		message, err := v.stream.Receive(ctx)
		if err != nil {
			return err
		}
		f, err := decode(message)
		if err != nil {
			return err
		}
		if err := v.take(f); err != nil {
			return err
		}
	}
}

func (v *serving) take(f frame) error {
	switch f.kind {
	case frameStdin:
		return v.input.add(f)
	case frameStdinEnd:
		return v.input.finish(f.offset)
	case frameResize:
		v.process.resize(f.columns, f.rows)
	case frameSignal:
		v.process.signal(f.name)
	case frameAck:
		s, found := v.sent[f.channel]
		if !found {
			return fmt.Errorf("acknowledges %s: %w", f.channel, errFrame)
		}
		return s.ack(f.offset)
	default:
		return fmt.Errorf("type %d from the technician: %w", f.kind, errFrame)
	}
	return nil
}

// feed writes input to the process. What a process no longer reads is thrown
// away, but acknowledged, so that nobody waits for it.
func (v *serving) feed(ctx context.Context) {
	for {
		data, ended := v.input.next(ctx)
		if len(data) > 0 {
			v.process.write(data)
			if offset, due := v.input.received.consume(len(data)); due {
				if v.stream.Send(ctx, frame{kind: frameAck, channel: Stdin, offset: offset}.encode()) != nil {
					return
				}
			}
			continue
		}
		if ended {
			v.process.endInput()
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// inbox holds input that the process has not taken yet, at most a window.
type inbox struct {
	received *receiver
	ready    chan struct{}

	mu    sync.Mutex
	data  []byte
	ended bool
}

func newInbox() *inbox { return &inbox{received: &receiver{}, ready: make(chan struct{}, 1)} }

func (i *inbox) add(f frame) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended {
		return fmt.Errorf("input after its end: %w", errFrame)
	}
	if err := i.received.take(f); err != nil {
		return err
	}
	i.data = append(i.data, f.data...)
	i.wake()
	return nil
}

func (i *inbox) finish(total uint64) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.received.total() != total {
		return fmt.Errorf("input ends at %d, got %d: %w", total, i.received.total(), errFrame)
	}
	i.ended = true
	i.wake()
	return nil
}

func (i *inbox) wake() {
	select {
	case i.ready <- struct{}{}:
	default:
	}
}

// next waits for input; after the last of it, it gives none and ended.
func (i *inbox) next(ctx context.Context) (data []byte, ended bool) {
	for {
		i.mu.Lock()
		data, i.data = i.data, nil
		ended = i.ended
		i.mu.Unlock()
		if len(data) > 0 || ended {
			return data, ended
		}
		select {
		case <-i.ready:
		case <-ctx.Done():
			return nil, false
		}
	}
}
