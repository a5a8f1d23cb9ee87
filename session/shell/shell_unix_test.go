//go:build unix

package shell_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/sessiontest"
	"warren/session/shell"
)

// result is what one whole session gave.
type result struct {
	stdout, stderr []byte
	exit           shell.Exit
	err            error // of the client
	served         error // of the kind
}

// play runs one session on an in-memory stream. drive, where given, acts as
// the technician while the process runs.
func play(t testing.TB, user string, r *warrenv1.ShellRequest, drive func(context.Context, *shell.Client)) result {
	t.Helper()
	payload, err := shell.Payload(r)
	if err != nil {
		t.Fatal(err)
	}
	technician, device, _ := sessiontest.Pipe()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		err := shell.New().Serve(ctx, device, session.Request{
			ID: session.NewID(), Verb: shell.Verb, OSUser: user, Technician: "tess", Payload: payload,
		})
		device.Close()
		served <- err
	}()
	var out result
	var c *shell.Client
	take := func(ch shell.Channel, to *[]byte) func([]byte) {
		return func(p []byte) {
			*to = append(*to, p...)
			if err := c.Acked(ctx, ch, len(p)); err != nil {
				t.Errorf("ack: %v", err)
			}
		}
	}
	c = shell.NewClient(technician, shell.Output{
		Stdout: take(shell.Stdout, &out.stdout), Stderr: take(shell.Stderr, &out.stderr),
	})
	driven := make(chan struct{})
	go func() {
		defer close(driven)
		if drive != nil {
			drive(ctx, c)
		}
	}()
	out.exit, out.err = c.Run(ctx)
	technician.Close()
	out.served = <-served
	<-driven
	return out
}

func argv(words ...string) *warrenv1.ShellRequest { return &warrenv1.ShellRequest{Argv: words} }

func TestCommandPassesStreamsAndExitCode(t *testing.T) {
	for _, test := range []struct {
		name    string
		argv    []string
		stdout  string
		stderr  string
		code    int
		signal  string
		without bool // stderr is only looked at for being there
	}{
		{name: "both outputs", argv: []string{"sh", "-c", "echo out; echo err >&2"}, stdout: "out\n", stderr: "err\n"},
		{name: "exit code", argv: []string{"sh", "-c", "exit 7"}, code: 7},
		{name: "highest exit code", argv: []string{"sh", "-c", "exit 255"}, code: 255},
		{name: "killed", argv: []string{"sh", "-c", "kill -KILL $$"}, code: 137, signal: "KILL"},
		{name: "terminated", argv: []string{"sh", "-c", "kill -TERM $$"}, code: 143, signal: "TERM"},
		{name: "no shell in between", argv: []string{"echo", "$HOME", "a  b", ";", "exit 3"}, stdout: "$HOME a  b ; exit 3\n"},
		{name: "an empty argument", argv: []string{"printf", "[%s]", "", "x"}, stdout: "[][x]"},
		{name: "no such command", argv: []string{"warren-no-such-command"}, code: 127, stderr: "warren: warren-no-such-command: command not found\n"},
		{name: "no such file", argv: []string{"/nowhere/x"}, code: 127, stderr: "warren: /nowhere/x: no such file\n"},
		{name: "not executable", argv: []string{"/etc/passwd"}, code: 126, stderr: "warren: /etc/passwd: permission denied\n"},
		{name: "a directory", argv: []string{"/etc"}, code: 126, stderr: "warren: /etc: permission denied\n"},
		{name: "no newline at the end", argv: []string{"printf", "x"}, stdout: "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := play(t, me(t), argv(test.argv...), nil)
			if r.err != nil || r.served != nil {
				t.Fatalf("client %v, kind %v", r.err, r.served)
			}
			if diff := cmp.Diff(shell.Exit{Code: test.code, Signal: test.signal}, r.exit); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{test.stdout, test.stderr}, []string{string(r.stdout), string(r.stderr)}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNotAnExecutableFormat(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte("no program\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := play(t, me(t), argv(file), nil); r.exit.Code != 126 || !strings.Contains(string(r.stderr), "not an executable file") {
		t.Errorf("exit %v, stderr %q", r.exit, r.stderr)
	}
}

func TestOutputArrivesWhole(t *testing.T) {
	const size = 20 << 20
	// A stream that is not the same everywhere, so that a swap shows.
	script := fmt.Sprintf("yes 0123456789abcdefghijklmnopqrstuvwxyz | cat -n | head -c %d; printf tail", size)
	want, err := exec.Command("sh", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, terminal := range []bool{false, true} {
		r := play(t, me(t), &warrenv1.ShellRequest{Argv: []string{"sh", "-c", "stty -opost 2>/dev/null; " + script}, Terminal: terminal}, nil)
		if r.err != nil || !bytes.Equal(r.stdout, want) {
			t.Errorf("terminal %v: %d bytes of %d, equal %v, %v", terminal, len(r.stdout), len(want), bytes.Equal(r.stdout, want), r.err)
		}
	}
}

// TestSlowConsumerGetsAll has the process end while its last output waits in
// the kernel for a consumer that sleeps, with a child in the background that
// keeps the output open.
func TestSlowConsumerGetsAll(t *testing.T) {
	const size = 300_000 // more than the window, less than the window and a pipe
	for _, script := range []string{"head -c 300000 /dev/zero", "sleep 3 & head -c 300000 /dev/zero"} {
		payload, err := shell.Payload(argv("sh", "-c", script))
		if err != nil {
			t.Fatal(err)
		}
		technician, device, _ := sessiontest.Pipe()
		served := make(chan error, 1)
		go func() {
			served <- shell.New().Serve(t.Context(), device, session.Request{Verb: shell.Verb, OSUser: me(t), Payload: payload})
		}()
		time.Sleep(500 * time.Millisecond)
		total := 0
		var c *shell.Client
		c = shell.NewClient(technician, shell.Output{Stdout: func(p []byte) {
			total += len(p)
			if err := c.Acked(t.Context(), shell.Stdout, len(p)); err != nil {
				t.Error(err)
			}
		}})
		if exit, err := c.Run(t.Context()); err != nil || exit.Code != 0 || total != size {
			t.Errorf("%q: %d bytes of %d, %+v, %v", script, total, size, exit, err)
		}
		technician.Close()
		if err := <-served; err != nil {
			t.Errorf("%q: the kind gave %v", script, err)
		}
	}
}

func TestInputArrivesWhole(t *testing.T) {
	input := make([]byte, 5<<20)
	for i := range input {
		input[i] = byte(i * i >> 7)
	}
	r := play(t, me(t), argv("sha256sum"), func(ctx context.Context, c *shell.Client) {
		if err := c.Write(ctx, input); err != nil {
			t.Errorf("write: %v", err)
		}
		if err := c.CloseStdin(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if want := fmt.Sprintf("%x  -\n", sha256.Sum256(input)); string(r.stdout) != want {
		t.Errorf("got %q, want %q", r.stdout, want)
	}
}

func TestInputEnd(t *testing.T) {
	finish := func(ctx context.Context, c *shell.Client) {
		_ = c.Write(ctx, []byte("one\n"))
		_ = c.CloseStdin(ctx)
	}
	for _, terminal := range []bool{false, true} {
		r := play(t, me(t), &warrenv1.ShellRequest{Argv: []string{"wc", "-l"}, Terminal: terminal}, finish)
		if !strings.Contains(string(r.stdout), "1") || r.exit.Code != 0 || r.err != nil {
			t.Errorf("terminal %v: %q %+v %v", terminal, r.stdout, r.exit, r.err)
		}
	}
}

// TestUnreadInput has a process that reads nothing: writing must block at the
// window, and end with the process.
func TestUnreadInput(t *testing.T) {
	var written, early atomic.Int64
	time.AfterFunc(400*time.Millisecond, func() { early.Store(written.Load()) })
	r := play(t, me(t), argv("sleep", "0.6"), func(ctx context.Context, c *shell.Client) {
		for {
			err := c.Write(ctx, make([]byte, 1000))
			if err != nil {
				if !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, session.ErrLost) {
					t.Errorf("write gave %v", err)
				}
				return
			}
			written.Add(1000)
		}
	})
	if r.err != nil || r.exit.Code != 0 {
		t.Errorf("%+v", r)
	}
	if n := early.Load(); n > 400<<10 || n < 200<<10 {
		t.Errorf("%d bytes were taken from the writer, want about the window and a pipe", n)
	}
}

// TestInputToAProcessThatClosedIt must go nowhere and hold nobody up.
func TestInputToAProcessThatClosedIt(t *testing.T) {
	r := play(t, me(t), argv("sh", "-c", "exec <&-; sleep 0.3; echo done"), func(ctx context.Context, c *shell.Client) {
		if err := c.Write(ctx, make([]byte, 1<<20)); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write: %v", err)
		}
	})
	if string(r.stdout) != "done\n" || r.err != nil {
		t.Errorf("%q %v", r.stdout, r.err)
	}
}

func TestTerminal(t *testing.T) {
	r := play(t, me(t), &warrenv1.ShellRequest{
		Argv:     []string{"sh", "-c", "test -t 0 -a -t 1 -a -t 2 && stty size; echo $TERM; tty; ps -o tty= -p $$ >/dev/null && echo has tty"},
		Terminal: true, Term: "xterm-256color", Columns: 99, Rows: 33,
	}, nil)
	lines := strings.Split(string(r.stdout), "\r\n")
	if len(lines) < 3 || lines[0] != "33 99" || lines[1] != "xterm-256color" || !strings.HasPrefix(lines[2], "/dev/") {
		t.Errorf("got %q", r.stdout)
	}
	if r = play(t, me(t), &warrenv1.ShellRequest{Argv: []string{"warren-no-such"}, Terminal: true}, nil); r.exit.Code != 127 || !strings.HasSuffix(string(r.stdout), "command not found\r\n") {
		t.Errorf("%+v %q", r.exit, r.stdout)
	}
}

func TestLoginShell(t *testing.T) {
	r := play(t, me(t), &warrenv1.ShellRequest{Terminal: true}, func(ctx context.Context, c *shell.Client) {
		_ = c.Write(ctx, []byte("echo \"name=$0 home=$HOME pwd=$PWD\"; exit 5\n"))
	})
	if r.exit.Code != 5 || !strings.Contains(string(r.stdout), "name=-") {
		t.Errorf("%+v %q", r.exit, r.stdout)
	}
	home, _ := os.UserHomeDir()
	if !strings.Contains(string(r.stdout), "home="+home+" pwd="+home) {
		t.Errorf("home %s: %q", home, r.stdout)
	}
}

func TestResizeAndSignals(t *testing.T) {
	r := play(t, me(t), &warrenv1.ShellRequest{
		Argv: []string{"sh", "-c", "trap 'stty size; exit 9' WINCH; echo ready; while :; do sleep 0.05; done"}, Terminal: true,
	}, func(ctx context.Context, c *shell.Client) {
		time.Sleep(200 * time.Millisecond)
		if err := c.Resize(ctx, 120, 40); err != nil {
			t.Error(err)
		}
	})
	if r.exit.Code != 9 || !strings.Contains(string(r.stdout), "40 120") {
		t.Errorf("%+v %q", r.exit, r.stdout)
	}
	for _, terminal := range []bool{false, true} {
		r = play(t, me(t), &warrenv1.ShellRequest{Argv: []string{"sleep", "20"}, Terminal: terminal}, func(ctx context.Context, c *shell.Client) {
			time.Sleep(100 * time.Millisecond)
			if err := c.Signal(ctx, "INT"); err != nil {
				t.Error(err)
			}
			if err := c.Signal(ctx, "NONSENSE"); !errors.Is(err, session.ErrInvalid) {
				t.Errorf("a signal that does not exist gave %v", err)
			}
		})
		if r.exit.Code != 130 || r.exit.Signal != "INT" {
			t.Errorf("terminal %v: %+v", terminal, r.exit)
		}
	}
	r = play(t, me(t), &warrenv1.ShellRequest{Argv: []string{"cat"}, Terminal: true}, func(ctx context.Context, c *shell.Client) {
		time.Sleep(100 * time.Millisecond)
		_ = c.Write(ctx, []byte{3}) // Ctrl-C is the terminal's own business
	})
	if r.exit.Signal != "INT" {
		t.Errorf("Ctrl-C gave %+v", r.exit)
	}
}

// TestBackgroundChildren must not keep a session from ending, and must not
// cost it the output that was there before.
func TestBackgroundChildren(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		for _, script := range []string{
			"echo first; sleep 3 & echo last",
			"trap '' HUP; (trap '' HUP; while echo noise; do sleep 0.02; done) & sleep 0.1; echo last",
			"trap '' HUP; (trap '' HUP; exec cat /dev/zero) & sleep 0.1; echo last >&2; kill -STOP $! ; sleep 0; kill -CONT $!; exit 0",
		} {
			start := time.Now()
			r := play(t, me(t), &warrenv1.ShellRequest{Argv: []string{"timeout", "20", "sh", "-c", script}, Terminal: terminal}, nil)
			if took := time.Since(start); took > 3*time.Second || r.err != nil || r.exit.Code != 0 {
				t.Errorf("terminal %v: %q: took %s, %+v, %v", terminal, script, took, r.exit, r.err)
			}
			if !bytes.Contains(append(r.stdout, r.stderr...), []byte("last")) {
				t.Errorf("terminal %v: %q lost its last word", terminal, script)
			}
		}
	}
}

func TestEnvironmentIsClean(t *testing.T) {
	t.Setenv("WARREN_LEAK", "secret")
	t.Setenv("LD_LIBRARY_PATH", "/tmp")
	r := play(t, me(t), &warrenv1.ShellRequest{
		Argv: []string{"env"}, Environment: map[string]string{"LANG": "de_DE.UTF-8", "LC_TIME": "C", "COLORTERM": "truecolor"},
	}, nil)
	got := map[string]string{}
	for line := range strings.Lines(string(r.stdout)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	if len(got["WARREN_SESSION"]) != 32 {
		t.Errorf("session %q", got["WARREN_SESSION"])
	}
	delete(got, "WARREN_SESSION")
	home, _ := os.UserHomeDir()
	want := map[string]string{
		"HOME": home, "USER": me(t), "LOGNAME": me(t), "SHELL": got["SHELL"], "PATH": got["PATH"],
		"WARREN_TECHNICIAN": "tess", "LANG": "de_DE.UTF-8", "LC_TIME": "C", "COLORTERM": "truecolor",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(got["SHELL"], "/") || !strings.Contains(got["PATH"], "/usr/bin") {
		t.Errorf("shell %q, path %q", got["SHELL"], got["PATH"])
	}
}

func TestRefusedRequests(t *testing.T) {
	for name, r := range map[string]*warrenv1.ShellRequest{
		"a loader's variable":  {Environment: map[string]string{"LD_PRELOAD": "x"}},
		"a shell's variable":   {Environment: map[string]string{"BASH_ENV": "x"}},
		"path":                 {Environment: map[string]string{"PATH": "/tmp"}},
		"lc with an equals":    {Environment: map[string]string{"LC_X=Y": "x"}},
		"zero in a value":      {Environment: map[string]string{"LANG": "a\x00b"}},
		"zero in an argument":  {Argv: []string{"a\x00"}},
		"empty command":        {Argv: []string{"", "x"}},
		"term with a slash":    {Term: "../x"},
		"term that is long":    {Term: strings.Repeat("x", 65)},
		"too many arguments":   {Argv: make([]string, 1025)},
		"more than an offer":   {Argv: []string{strings.Repeat("x", 49<<10)}},
		"too many variables":   {Environment: manyVariables()},
		"a variable too long":  {Environment: map[string]string{"LANG": strings.Repeat("x", 1025)}},
		"a newline in the LC_": {Environment: map[string]string{"LC_A\n": "x"}},
	} {
		if _, err := shell.Payload(r); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("%s gave %v", name, err)
		}
	}
}

func manyVariables() map[string]string {
	m := map[string]string{}
	for i := range 33 {
		m["LC_"+strings.Repeat("A", 1+i%20)+strings.Repeat("B", i/20)] = strconv.Itoa(i)
	}
	return m
}
