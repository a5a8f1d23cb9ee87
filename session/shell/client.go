package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
)

// Output takes what the process prints. Both are called from Run, one at a
// time, and may block: the process is made to wait. The slice is theirs.
type Output struct {
	Stdout func([]byte)
	// Stderr is not called where the session has a terminal.
	Stderr func([]byte)
}

// Exit is how the process ended.
type Exit struct {
	// Code is the exit code: 127 where there was no such command, 126 where it
	// could not be run, 128 and the signal's number where one ended it.
	Code int
	// Signal is the name of the signal that ended the process: "KILL".
	Signal string
}

// Client is the technician's half of a shell session. Its methods are safe
// for concurrent use.
type Client struct {
	stream   session.Stream
	out      Output
	stdin    *sender
	received map[Channel]*receiver
	done     chan struct{} // closed when Run returns
}

// NewClient makes a client; Run it.
func NewClient(s session.Stream, out Output) *Client {
	return &Client{
		stream: s, out: out, stdin: newSender(), done: make(chan struct{}),
		received: map[Channel]*receiver{Stdout: {}, Stderr: {}},
	}
}

// Run hands output out until the process has ended and all it printed was
// handed out. Without an exit it gives the stream's error: session.ErrLost, or
// an *session.EndError with the device's reason. It does not close the stream.
// Call it once.
func (c *Client) Run(ctx context.Context) (Exit, error) {
	defer close(c.done)
	for {
		message, err := c.stream.Receive(ctx)
		if errors.Is(err, io.EOF) {
			return Exit{}, fmt.Errorf("the device ended the session without an exit code: %w", session.ErrLost)
		}
		if err != nil {
			return Exit{}, err
		}
		f, err := decode(message)
		if err != nil {
			return Exit{}, err
		}
		switch f.kind {
		case frameStdout, frameStderr:
			err = c.print(f)
		case frameAck:
			if f.channel != Stdin {
				err = fmt.Errorf("acknowledges %s: %w", f.channel, errFrame)
				break
			}
			err = c.stdin.ack(f.offset)
		case frameExit:
			return c.exit(f)
		default:
			err = fmt.Errorf("type %d from the device: %w", f.kind, errFrame)
		}
		if err != nil {
			return Exit{}, err
		}
	}
}

func (c *Client) print(f frame) error {
	if err := c.received[f.channel].take(f); err != nil {
		return err
	}
	out := c.out.Stdout
	if f.channel == Stderr {
		out = c.out.Stderr
	}
	if out == nil {
		return c.Acked(context.Background(), f.channel, len(f.data))
	}
	out(f.data)
	return nil
}

func (c *Client) exit(f frame) (Exit, error) {
	if f.stdout != c.received[Stdout].total() || f.stderr != c.received[Stderr].total() {
		return Exit{}, fmt.Errorf("exit after %d and %d bytes, got %d and %d: %w", f.stdout, f.stderr,
			c.received[Stdout].total(), c.received[Stderr].total(), errFrame)
	}
	return Exit{Code: int(f.code), Signal: f.name}, nil
}

// Acked tells that the final consumer has n more bytes of ch, Stdout or
// Stderr. What is not acknowledged stops the process at 256 KiB.
func (c *Client) Acked(ctx context.Context, ch Channel, n int) error {
	r, found := c.received[ch]
	if !found || n < 0 {
		return fmt.Errorf("acknowledge %s: %w", ch, session.ErrInvalid)
	}
	offset, due := r.consume(n)
	if !due {
		return nil
	}
	err := c.send(ctx, frame{kind: frameAck, channel: ch, offset: offset}.encode())
	if errors.Is(err, io.ErrClosedPipe) {
		return nil // the device may be done already; what it sent is here
	}
	return err
}

// send gives the device a message. Where the session takes none any more it
// gives io.ErrClosedPipe: why that is, Run finds out, behind the output that
// has come by then.
func (c *Client) send(ctx context.Context, message []byte) error {
	err := c.stream.Send(ctx, message)
	var end *session.EndError
	if errors.Is(err, session.ErrLost) || errors.Is(err, io.EOF) || errors.As(err, &end) {
		return io.ErrClosedPipe
	}
	return err
}

// Write sends input; it blocks while the process does not read, and gives
// io.ErrClosedPipe when the session takes no more. One goroutine at a time may
// be in Write and CloseStdin.
func (c *Client) Write(ctx context.Context, p []byte) error {
	var buffer []byte
	for len(p) > 0 {
		offset, n, err := c.stdin.reserve(ctx, c.done, min(len(p), maxData))
		if err != nil {
			return err
		}
		buffer = dataFrame(buffer, Stdin, offset, p[:n])
		if err := c.send(ctx, buffer); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// CloseStdin tells the process that no input follows. Write nothing after it.
func (c *Client) CloseStdin(ctx context.Context) error {
	return c.send(ctx, frame{kind: frameStdinEnd, offset: c.stdin.total()}.encode())
}

// Resize tells the terminal's new size.
func (c *Client) Resize(ctx context.Context, columns, rows int) error {
	return c.send(ctx, frame{kind: frameResize, columns: side(columns), rows: side(rows)}.encode())
}

// Signal sends the process group a signal by its name: "INT". Names are those
// of Signals.
func (c *Client) Signal(ctx context.Context, name string) error {
	if !slices.Contains(Signals(), name) {
		return fmt.Errorf("signal %.40q: %w", name, session.ErrInvalid)
	}
	return c.send(ctx, frame{kind: frameSignal, name: name}.encode())
}

// Signals are the names that can be sent.
func Signals() []string {
	return []string{"ALRM", "CONT", "HUP", "INT", "KILL", "QUIT", "STOP", "TERM", "TSTP", "USR1", "USR2"}
}

// side brings a number of columns or rows into bounds.
func side(n int) uint16 { return uint16(min(max(n, 0), maxSide)) }

// Payload encodes what an offer with the verb "shell" asks for, and refuses
// what the device would.
func Payload(r *warrenv1.ShellRequest) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode shell request: %w", errors.Join(session.ErrInvalid, err))
	}
	if _, err := decodeRequest(b); err != nil {
		return nil, err
	}
	return b, nil
}
