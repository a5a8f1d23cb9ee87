package main

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"sync"
	"sync/atomic"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
)

// lost is the exit code where a running session broke off.
const lost = exitCode(255)

type shellFlags struct {
	user   string
	tty    bool
	resume string
	reason string
}

func newShell(a *app) *cobra.Command {
	var f shellFlags
	cmd := &cobra.Command{
		Use:   "shell DEVICE [--user U] [-t] [--reason TEXT] [-- CMD ARG...]",
		Short: "Open a terminal on a device, or run one command there",
		Long: `Open a terminal on a device, or run one command there: exactly that argv, with
no shell in between and no terminal unless -t asks for one. The exit code is the
command's own; 255 where a running session was lost. In a terminal ~. on a line
of its own ends the session.`,
		Example: "  warren shell web-1\n  warren shell web-1 --user deploy\n  warren shell web-1 -- uptime",
		Args:    upTo(math.MaxInt, "DEVICE"),

		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.resume != "" {
				return fault.New(fault.Invalid, "--resume is not there yet; a lost session cannot be picked up").Try("warren shell %s", args[0])
			}
			argv := args[1:]
			if len(argv) > 0 && cmd.ArgsLenAtDash() != 1 {
				return fault.New(fault.Invalid, "unexpected argument %q", argv[0]).Try("warren shell %s -- %s", args[0], strings.Join(argv, " "))
			}
			return a.shell(cmd.Context(), args[0], argv, f)
		},
	}
	cmd.Flags().StringVarP(&f.user, "user", "u", "", "user on the device (default: your own name here)")
	cmd.Flags().BoolVarP(&f.tty, "tty", "t", false, "give the command a terminal")
	cmd.Flags().StringVar(&f.resume, "resume", "", "pick up a session by its id (not there yet)")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why; kept in the device's log")
	return cmd
}

type shellStream = connect.BidiStreamForClientSimple[warrenv1.ShellInput, warrenv1.ShellOutput]

// terminal is one shell at this end. Sends come from several goroutines.
type terminal struct {
	app    *app
	stream *shellStream
	mu     sync.Mutex
	raw    *term.State
	opened bool
	taken  chan uint64 // how much input the device has taken
	ended  atomic.Bool // by ~.
}

// window of input that may be under way, in bytes.
const inputWindow = 256 << 10

func (t *terminal) send(in *warrenv1.ShellInput) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stream.Send(in)
}

func (a *app) shell(ctx context.Context, device string, argv []string, f shellFlags) error {
	c, err := a.local()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.Sessions.Shell(ctx)
	if err != nil {
		return err
	}
	t := &terminal{app: a, stream: stream, taken: make(chan uint64, 1)}
	open := &warrenv1.ShellOpen{
		Device: device, User: f.user, Argv: argv, Reason: f.reason,
		Terminal: f.tty || len(argv) == 0, Environment: environment(),
	}
	if open.GetUser() == "" {
		u, err := user.Current()
		if err != nil {
			return fault.New(fault.Internal, "find your user name: %w", err).Try("--user NAME")
		}
		open.User = u.Username
	}
	if open.GetTerminal() {
		open.Term = os.Getenv("TERM")
		open.Window = a.window()
	}
	if err := t.send(&warrenv1.ShellInput{Input: &warrenv1.ShellInput_Open{Open: open}}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	defer t.restore()
	return t.run(ctx, open.GetTerminal())
}

// run copies until the device says how the command ended.
func (t *terminal) run(ctx context.Context, tty bool) error {
	var written uint64
	for {
		out, err := t.stream.Receive()
		if err != nil {
			return t.broken(ctx, err)
		}
		switch o := out.GetOutput().(type) {
		case *warrenv1.ShellOutput_Opened:
			t.opened = true
			if err := t.begin(ctx, tty); err != nil {
				return err
			}
		case *warrenv1.ShellOutput_Stdout:
			written += uint64(len(o.Stdout))
			if err := t.write(t.app.out, o.Stdout, written); err != nil {
				return err
			}
		case *warrenv1.ShellOutput_Stderr:
			written += uint64(len(o.Stderr))
			if err := t.write(t.app.err, o.Stderr, written); err != nil {
				return err
			}
		case *warrenv1.ShellOutput_Acked:
			select {
			case <-t.taken: // the older number
			default:
			}
			t.taken <- o.Acked
		case *warrenv1.ShellOutput_Exit:
			if code := o.Exit.GetCode(); code != 0 {
				return exitCode(code)
			}
			return nil
		}
	}
}

func (t *terminal) write(w io.Writer, data []byte, written uint64) error {
	if _, err := w.Write(data); err != nil {
		return exitCode(141) // as a command that SIGPIPE ended
	}
	_ = t.send(&warrenv1.ShellInput{Input: &warrenv1.ShellInput_Acked{Acked: written}})
	return nil
}

// broken tells a session that never was from one that was lost.
func (t *terminal) broken(ctx context.Context, err error) error {
	if !t.opened {
		return err
	}
	t.restore()
	if t.ended.Load() {
		t.app.say("Session ended.")
		return lost // as ssh has it: the command's own code is not known
	}
	if ctx.Err() != nil {
		return lost
	}
	t.app.say("%s", fault.Format(fault.New(fault.Unavailable, "the session was lost: %w", err).Try("the same again")))
	return lost
}

// begin feeds the device from this end, once it has opened the session.
func (t *terminal) begin(ctx context.Context, tty bool) error {
	if tty && t.app.interactive() {
		raw, err := term.MakeRaw(int(t.app.in.Fd()))
		if err != nil {
			return fault.New(fault.Internal, "set the terminal up: %w", err)
		}
		t.raw = raw
		go t.resizes(ctx)
	} else {
		go t.signals(ctx)
	}
	go t.stdin(tty && t.raw != nil)
	return nil
}

func (t *terminal) restore() {
	if t.raw != nil {
		_ = term.Restore(int(t.app.in.Fd()), t.raw)
		t.raw = nil
	}
}

// stdin sends what is typed or piped. It ends with the process at the latest:
// a blocked read cannot be called back.
func (t *terminal) stdin(escapes bool) {
	buf := make([]byte, 32<<10)
	esc := escape{atLineStart: true}
	var sent, taken uint64
	for {
		for sent-taken > inputWindow {
			taken = <-t.taken
		}
		n, err := t.app.in.Read(buf)
		if n > 0 {
			data, end := buf[:n], false
			if escapes {
				data, end = esc.filter(data)
			}
			if len(data) > 0 {
				if t.send(&warrenv1.ShellInput{Input: &warrenv1.ShellInput_Stdin{Stdin: data}}) != nil {
					return
				}
				sent += uint64(len(data))
			}
			if end {
				t.ended.Store(true)
				t.mu.Lock()
				_ = t.stream.CloseRequest()
				t.mu.Unlock()
				return
			}
		}
		if err != nil {
			_ = t.send(&warrenv1.ShellInput{Input: &warrenv1.ShellInput_StdinEnd{StdinEnd: true}})
			return
		}
	}
}

// signals hands a person's Ctrl-C to the remote command.
func (t *terminal) signals(ctx context.Context) {
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, forwarded()...)
	defer signal.Stop(ch)
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-ch:
			if name := signalName(s); name != "" {
				_ = t.send(&warrenv1.ShellInput{Input: &warrenv1.ShellInput_Signal{Signal: name}})
			}
		}
	}
}

func (t *terminal) resizes(ctx context.Context) {
	ch := make(chan os.Signal, 1)
	notifyResize(ch)
	defer signal.Stop(ch)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ch:
			if w := t.app.window(); w != nil {
				_ = t.send(&warrenv1.ShellInput{Input: &warrenv1.ShellInput_Window{Window: w}})
			}
		}
	}
}

// window is the size of this terminal; nil where there is none.
func (a *app) window() *warrenv1.WindowSize {
	if !a.interactive() {
		return nil
	}
	w, h, err := term.GetSize(int(a.in.Fd()))
	if err != nil || w <= 0 || h <= 0 {
		return nil
	}
	return &warrenv1.WindowSize{Columns: uint32(w), Rows: uint32(h)} //nolint:gosec // a terminal's size
}

// environment is what a session may inherit.
func environment() map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		k, v, _ := strings.Cut(kv, "=")
		if k == "LANG" || k == "COLORTERM" || strings.HasPrefix(k, "LC_") {
			env[k] = v
		}
	}
	return env
}
