//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// shell is a session that stays open: a command on a machine that says again
// what it is told, with a number, so that nothing can be lost or doubled.
type shell struct {
	t     *teller
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	said  int
}

const counter = `n=0; while read -r line; do n=$((n+1)); echo "$n $line"; done`

func (m *machine) openShell(to string) *shell {
	cmd := m.command(m.t.ctx, "shell", to, "--", "sh", "-c", counter)
	in, err := cmd.StdinPipe()
	if err != nil {
		m.t.fail("%w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.fail("%w", err)
	}
	if err := cmd.Start(); err != nil {
		m.t.fail("%w", err)
	}
	s := &shell{t: m.t, cmd: cmd, in: in, lines: make(chan string, 1024)}
	go func() { // ends with the process
		defer close(s.lines)
		for text := bufio.NewScanner(out); text.Scan(); {
			s.lines <- text.Text()
		}
	}()
	s.echoes(verbTime)
	m.t.say("a shell from %s to %s is open", m.name, to)
	return s
}

// echoes says something into the shell and waits for its answer; it tells how
// long that took.
func (s *shell) echoes(limit time.Duration) time.Duration {
	began := time.Now()
	s.said++
	if _, err := fmt.Fprintf(s.in, "word %d\n", s.said); err != nil {
		s.t.fail("the shell takes no input any more: %w", err)
	}
	select {
	case line, ok := <-s.lines:
		if wanted := fmt.Sprintf("%d word %d", s.said, s.said); line != wanted {
			s.t.fail("the shell said %q (open: %v), not %q", line, ok, wanted)
		}
	case <-time.After(limit):
		s.t.fail("the shell does not answer within %s", limit)
	case <-s.t.ctx.Done():
		s.t.fail("the story is over its time, waiting for the shell")
	}
	return time.Since(began)
}

// close ends the shell, which has to have gone well.
func (s *shell) close() {
	_ = s.in.Close()
	if err := s.cmd.Wait(); err != nil {
		s.t.fail("the shell ended with %w", err)
	}
}
