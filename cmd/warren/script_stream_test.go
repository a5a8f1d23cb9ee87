//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// pipe runs a verb between two files; IN may be "-" for none. It must end
// with 0.
func pipe(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 2, "pipe IN OUT VERB ...")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := of(ts).command(ctx, ts, args[2:])
	if args[0] != "-" {
		in, err := os.Open(ts.MkAbs(args[0]))
		ts.Check(err)
		defer in.Close()
		cmd.Stdin = in
	}
	out, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &errs
	err = errors.Join(cmd.Run(), out.Close())
	if err != nil {
		ts.Fatalf("%v\n%s", err, errs.String())
	}
}

// same wants two files to be equal, and says where they are not.
func same(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "same FILE FILE")
	a, b := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	if a == b {
		return
	}
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	ts.Fatalf("%s has %d bytes and %s has %d; they differ from byte %d on", args[0], len(a), args[1], len(b), at)
}

// types runs a verb on a terminal of 33 rows and 101 columns at which somebody
// types FILE as soon as the verb has taken the terminal over. What it shows is
// on stdout afterwards.
func types(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 2, "types FILE CODE VERB ...")
	onTerminal(ts, args, func(terminal *os.File, _ string) bool {
		state, err := unix.IoctlGetTermios(int(terminal.Fd()), getTermios)
		return err == nil && state.Lflag&unix.ICANON == 0
	})
}

// answers is types for a verb that asks: FILE is typed when the question is
// there.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 2, "answers FILE CODE VERB ...")
	onTerminal(ts, args, func(_ *os.File, shown string) bool { return strings.HasSuffix(shown, "[y/N] ") })
}

func onTerminal(ts *testscript.TestScript, args []string, ready func(terminal *os.File, shown string) bool) {
	typed := ts.ReadFile(args[0])
	s := of(ts)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Setenv("TERM", "xterm")
	cmd := s.command(ctx, ts, args[2:])
	terminal, err := pty.StartWithAttrs(cmd, &pty.Winsize{Rows: 33, Cols: 101}, sessionOf(cmd.SysProcAttr))
	ts.Check(err)
	defer terminal.Close()
	shown := &daemon{done: make(chan struct{})}
	go func() { // ends when the process has gone: reads fail then
		defer close(shown.done)
		_, _ = io.Copy(shown, terminal)
	}()
	shown.wait(ts, "taken the terminal over", func(text string) bool { return ready(terminal, text) })
	_, err = io.WriteString(terminal, typed)
	ts.Check(err)
	err = cmd.Wait()
	<-shown.done
	s.last = shown.text()
	fmt.Fprint(ts.Stdout(), s.last)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if ctx.Err() != nil || strconv.Itoa(code) != args[1] {
		ts.Fatalf("exit code %d, want %s (%v)\n%s", code, args[1], ctx.Err(), s.last)
	}
}

// sessionOf gives a process a terminal of its own.
func sessionOf(a *syscall.SysProcAttr) *syscall.SysProcAttr {
	a.Setsid, a.Setctty = true, true
	return a
}
