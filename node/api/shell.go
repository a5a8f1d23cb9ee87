package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh"
	"warren/node/client"
	"warren/node/fault"
	"warren/session"
	"warren/session/broker"
	"warren/session/shell"
)

type sessionService struct{ *Local }

// openTime bounds the opening of a session.
const openTime = 10 * time.Second

// Program is what a session is opened for: a verb behind the local socket, a
// page behind a WebSocket. One goroutine receives, one at a time sends.
type Program interface {
	// Receive waits for the next input; the first is a ShellOpen. An error means
	// that the program is gone.
	Receive() (*warrenv1.ShellInput, error)
	Send(out *warrenv1.ShellOutput) error
}

// Shell implements SessionService.
func (s sessionService) Shell(ctx context.Context, stream *connect.BidiStream[warrenv1.ShellInput, warrenv1.ShellOutput]) error {
	return s.Local.Shell(ctx, stream)
}

// Shell is the technician's end of a session, for the local caller of ctx: it
// copies between the session and the program until either ends.
func (l *Local) Shell(ctx context.Context, program Program) error {
	r, err := l.running()
	if err != nil {
		return err
	}
	first, err := program.Receive()
	if err != nil {
		return fault.New(fault.Invalid, "nothing was asked for: %w", err)
	}
	open := first.GetOpen()
	if open == nil {
		return fault.New(fault.Invalid, "a shell begins with what to open")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d, err := r.device(open.GetDevice())
	if err != nil {
		return err
	}
	conn, path, err := r.openShell(ctx, d, open)
	if err != nil {
		return err
	}
	defer conn.Close()
	own := r.Opened.add(r.opened(ctx, conn.ID(), d, "shell", open.GetUser(), path), conn.ID(), cancel)
	defer own.remove()
	b := &bridge{program: program}
	b.client = shell.NewClient(conn.Stream(), shell.Output{
		Stdout: func(p []byte) {
			b.printed(shell.Stdout, &warrenv1.ShellOutput{Output: &warrenv1.ShellOutput_Stdout{Stdout: p}}, len(p))
		},
		Stderr: func(p []byte) {
			b.printed(shell.Stderr, &warrenv1.ShellOutput{Output: &warrenv1.ShellOutput_Stderr{Stderr: p}}, len(p))
		},
	})
	if err := b.send(&warrenv1.ShellOutput{Output: &warrenv1.ShellOutput_Opened{Opened: &warrenv1.ShellOpened{
		Session: conn.ID().String(), Path: path, OsUser: open.GetUser(),
	}}}); err != nil {
		return err
	}
	defer b.end()
	return b.run(ctx, cancel,
		func() error { return r.lapse(ctx, d) },
		func() error { return r.followPath(ctx, d, own, b.moved) },
	)
}

// openShell asks the device for a shell.
func (r *Running) openShell(ctx context.Context, d trust.Device, open *warrenv1.ShellOpen) (*broker.Conn, *warrenv1.Path, error) {
	payload, err := proto.Marshal(&warrenv1.ShellRequest{
		Argv: open.GetArgv(), Terminal: open.GetTerminal(), Term: open.GetTerm(),
		Columns: open.GetWindow().GetColumns(), Rows: open.GetWindow().GetRows(), Environment: open.GetEnvironment(),
	})
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "the command: %w", err)
	}
	return r.openSession(ctx, d, broker.DialConfig{
		Verb: "shell", OSUser: open.GetUser(), Reason: open.GetReason(), Payload: payload,
	})
}

// openSession asks the device for what ask says, as the technician of ctx, and
// gives the session and the way it travels.
func (r *Running) openSession(ctx context.Context, d trust.Device, ask broker.DialConfig) (*broker.Conn, *warrenv1.Path, error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	_, key, err := r.person(ctx)
	if err != nil {
		return nil, nil, err
	}
	signal, path, done, err := r.signal(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	ask.Key, ask.Node, ask.Mesh, ask.Device, ask.DeviceKey = key, r.Self, r.log().Mesh(), d.ID, d.Key
	ask.Hub, ask.Signal = r.Hub, signal
	conn, err := broker.Dial(ctx, ask)
	if err != nil {
		err = sessionFault(err)
		if fault.KindOf(err) == fault.Unavailable && ctx.Err() != nil {
			err = fault.New(fault.Unavailable, "device %q does not answer", d.Name).Try("warren ping %s", d.Name).Says(fault.DeviceSilent, d.Name)
		}
		return nil, nil, err
	}
	return conn, path, nil
}

// signal reaches the device's peer API.
func (r *Running) signal(ctx context.Context, d trust.Device) (broker.Signal, *warrenv1.Path, func(), error) {
	if d.ID == r.Self {
		return self{r.Broker, r.Self}, &warrenv1.Path{Kind: "lan", Endpoint: "this machine"}, func() {}, nil
	}
	ask, cancel := context.WithTimeout(ctx, openTime/2)
	defer cancel()
	p, err := r.reach(ask, d)
	if err != nil {
		return nil, nil, nil, err
	}
	if !p.Online {
		return nil, nil, nil, fault.New(fault.Unavailable, "device %q is offline: %s", d.Name, p.Reason).Try("warren ping %s", d.Name).
			Says(fault.DeviceOffline, append([]string{d.Name, string(p.Said.Code)}, p.Said.Args...)...)
	}
	at := netip.AddrPortFrom(r.log().Mesh().Address(d.ID), mesh.PeerPort)
	c, done := client.NewPeer(func(ctx context.Context) (net.Conn, error) {
		return r.Engine.Dial(ctx, "tcp", at)
	})
	return c, pathOf(p), done, nil
}

// bridge copies between a local program and a session.
type bridge struct {
	program Program
	client  *shell.Client

	sending sync.Mutex
	ended   bool // the handler returns: nothing may be written any more

	mu     sync.Mutex
	queue  []printed // what the program was given and has not acknowledged
	handed uint64
}

type printed struct {
	channel shell.Channel
	end     uint64
	n       int
}

func (b *bridge) send(out *warrenv1.ShellOutput) error {
	b.sending.Lock()
	defer b.sending.Unlock()
	if b.ended {
		return errProgramEnded
	}
	return b.program.Send(out)
}

func (b *bridge) moved(path *warrenv1.Path) error {
	return b.send(&warrenv1.ShellOutput{Output: &warrenv1.ShellOutput_Path{Path: path}})
}

func (b *bridge) end() {
	b.sending.Lock()
	defer b.sending.Unlock()
	b.ended = true
}

// printed hands output on. A program that is gone takes nothing; its absence
// ends the input side and with it the session.
func (b *bridge) printed(ch shell.Channel, out *warrenv1.ShellOutput, n int) {
	b.mu.Lock()
	b.handed += uint64(n) //nolint:gosec // a length
	b.queue = append(b.queue, printed{ch, b.handed, n})
	b.mu.Unlock()
	_ = b.send(out)
}

// acknowledge passes on that the program has written away all up to total.
func (b *bridge) acknowledge(ctx context.Context, total uint64) error {
	b.mu.Lock()
	var done []printed
	for len(b.queue) > 0 && b.queue[0].end <= total {
		done = append(done, b.queue[0])
		b.queue = b.queue[1:]
	}
	b.mu.Unlock()
	for _, p := range done {
		if err := b.client.Acked(ctx, p.channel, p.n); err != nil {
			return err
		}
	}
	return nil
}

// run copies until the command has ended, the program has gone, or one of the
// watchers returns why the session may not go on.
func (b *bridge) run(ctx context.Context, cancel context.CancelCauseFunc, watchers ...func() error) error {
	stdin := make(chan *warrenv1.ShellInput, stdinQueue)
	for _, part := range append(watchers,
		func() error { return b.feed(ctx, stdin) },
		func() error { return b.typed(ctx, stdin) },
	) {
		go func() { // ends with ctx, or when the handler returns: Receive fails then
			if err := part(); err != nil {
				cancel(err)
			}
		}()
	}
	exit, err := b.client.Run(ctx)
	if err == nil {
		return b.send(&warrenv1.ShellOutput{Output: &warrenv1.ShellOutput_Exit{Exit: &warrenv1.ShellExit{
			Code: int32(exit.Code), Signal: exit.Signal, //nolint:gosec // an exit code
		}}})
	}
	return endedBy(ctx, err)
}

// endedBy is the fault of a session that ended before its time: what ended ctx,
// else what the device says. What somebody ended, or the policy, is not to be
// opened again by itself.
func endedBy(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		var known *fault.Error
		if errors.As(cause, &known) {
			return cause
		}
		return fault.New(fault.Unavailable, "%w", cause)
	}
	var end *session.EndError
	if errors.As(err, &end) && !end.Unavailable {
		return fault.New(fault.Denied, "%w", err).Says(endOf(end.Reason))
	}
	if end != nil {
		return fault.New(fault.Unavailable, "%w", err).Says(endOf(end.Reason))
	}
	return fault.New(fault.Unavailable, "%w", err).Says(fault.ConnectionLost)
}

// endOf is the code of a reason that any session may end for; a kind's own it
// tells in its own way.
func endOf(reason string) fault.Code {
	switch reason {
	case session.ReasonRevoked:
		return fault.SessionRevoked
	case session.ReasonStopped:
		return fault.SessionStopped
	case session.ReasonEnded:
		return fault.EndedThere
	case session.ReasonFailed:
		return fault.SessionFailed
	case session.ReasonLost:
		return fault.ConnectionLost
	}
	return ""
}

// stdinQueue bounds how many pieces of input wait for the device. A program
// keeps within it by waiting for ShellOutput.acked.
const stdinQueue = 256

var (
	// errProgramEnded: the local program went without waiting for the command.
	errProgramEnded = errors.New("the local program ended")
	errTooFast      = errors.New("the local program does not wait for its input to be taken")
)

// feed sorts what the program sends. It never waits for the device's process:
// acknowledgements behind input must get through.
func (b *bridge) feed(ctx context.Context, stdin chan<- *warrenv1.ShellInput) error {
	for {
		in, err := b.program.Receive()
		if err != nil {
			return errProgramEnded
		}
		switch i := in.GetInput().(type) {
		case *warrenv1.ShellInput_Stdin, *warrenv1.ShellInput_StdinEnd:
			select {
			case stdin <- in:
			default:
				return errTooFast
			}
		case *warrenv1.ShellInput_Window:
			err = b.client.Resize(ctx, int(i.Window.GetColumns()), int(i.Window.GetRows()))
		case *warrenv1.ShellInput_Signal:
			err = b.client.Signal(ctx, i.Signal)
		case *warrenv1.ShellInput_Acked:
			err = b.acknowledge(ctx, i.Acked)
		}
		if err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return err
		}
	}
}

// typed hands input to the device as its process takes it.
func (b *bridge) typed(ctx context.Context, stdin <-chan *warrenv1.ShellInput) error {
	var taken uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case in := <-stdin:
			var err error
			if in.GetStdinEnd() {
				err = b.client.CloseStdin(ctx)
			} else {
				err = b.client.Write(ctx, in.GetStdin())
				taken += uint64(len(in.GetStdin()))
			}
			if errors.Is(err, io.ErrClosedPipe) || ctx.Err() != nil {
				return nil // the process has ended; its exit is on the way
			}
			if err != nil {
				return err
			}
			if err := b.send(&warrenv1.ShellOutput{Output: &warrenv1.ShellOutput_Acked{Acked: taken}}); err != nil {
				return err
			}
		}
	}
}
