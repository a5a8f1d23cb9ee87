//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Waits of the harness; what a story asserts has bars of its own.
const (
	verbTime  = 30 * time.Second
	readyTime = 20 * time.Second
)

// upMark begins the log of each time a node was started.
const upMark = "-- up"

// machine is a namespace, a state folder and, while it is up, a process.
type machine struct {
	t       *teller
	name    string
	address string // where it is plugged in now
	flags   []string

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	at   time.Time     // when it was started
}

// machine plugs a new one in.
func (t *teller) machine(name string, p *place) *machine {
	m := &machine{t: t, name: name}
	t.namespace(name)
	m.plug(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.machines = append(t.machines, m)
	return m
}

func (m *machine) plug(p *place) {
	last := &p.last
	if p.bridge == wan {
		last = &m.t.network.last
	}
	*last++
	m.address = m.t.plug(m.name, "eth0", p, *last)
}

// move pulls the machine's plug and puts it in elsewhere, with a new address.
func (m *machine) move(p *place) {
	m.t.ip("-n", m.name, "link", "del", "eth0")
	m.plug(p)
	m.t.say("%s has moved to %s", m.name, m.address)
}

func (m *machine) state() string { return filepath.Join(m.t.dir, m.name) }

func (m *machine) log() string { return m.state() + ".log" }

// command is a verb of this machine.
func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"netns", "exec", m.name, m.t.warren, "--state", m.state()}, args...)
	cmd := exec.CommandContext(ctx, "ip", args...) //nolint:gosec // the program under test
	cmd.Env = append(os.Environ(), "WARREN_STATE=", "USER=root", "HOME=/root")
	return cmd
}

// try runs a verb to its end and gives what it printed.
func (m *machine) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(m.t.ctx, verbTime)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := m.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: warren %s: %w: %s", m.name, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// exitCode is how a verb ended: 0 where it went well, -1 where it did not run.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// must runs a verb that has to work.
func (m *machine) must(args ...string) string {
	out, err := m.try(args...)
	if err != nil {
		m.t.fail("%w", err)
	}
	return out
}

// read runs a verb with --json and reads what it prints.
func read[T any](m *machine, args ...string) (T, error) {
	var v T
	out, err := m.try(append([]string{"--json"}, args...)...)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(out), &v)
}

// want is read, for what has to work.
func want[T any](m *machine, args ...string) T {
	v, err := read[T](m, args...)
	if err != nil {
		m.t.fail("%w", err)
	}
	return v
}

// begin starts the node and does not wait for it.
func (m *machine) begin(flags ...string) {
	log, err := os.OpenFile(m.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		m.t.fail("%w", err)
	}
	defer log.Close()
	if len(flags) > 0 {
		m.flags = flags
	}
	cmd := m.command(context.Background(), append([]string{"up"}, m.flags...)...)
	cmd.Stderr = log
	fmt.Fprintf(log, "%s %s, at %s\n", upMark, strings.Join(m.flags, " "), m.address)
	m.at = time.Now()
	if err := cmd.Start(); err != nil {
		m.t.fail("start %s: %w", m.name, err)
	}
	done := make(chan struct{})
	go func() { // ends with the process
		_ = cmd.Wait()
		close(done)
	}()
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	m.cmd, m.done = cmd, done
}

// up starts the node and waits until it is ready.
func (m *machine) up(flags ...string) {
	m.begin(flags...)
	took := m.t.until(readyTime, m.name+" is ready", func() bool {
		if m.ended() {
			m.t.fail("%s ended at once", m.name)
		}
		return m.ready()
	})
	m.t.say("%s is up at %s, after %s", m.name, m.address, took.Round(time.Millisecond))
}

// ready reports whether the node has said so since it was started.
func (m *machine) ready() bool {
	text, err := os.ReadFile(m.log())
	if err != nil {
		m.t.fail("%w", err)
	}
	return bytes.Contains(text[bytes.LastIndex(text, []byte(upMark)):], []byte("\nready\n"))
}

func (m *machine) ended() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// stop ends the node in order.
func (m *machine) stop() {
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		m.t.fail("stop %s: %w", m.name, err)
	}
	select {
	case <-m.done:
	case <-time.After(readyTime):
		m.t.fail("%s does not stop", m.name)
	}
	if code := m.cmd.ProcessState.ExitCode(); code != 0 {
		m.t.fail("%s stopped with exit code %d", m.name, code)
	}
	m.t.say("%s is down", m.name)
}

// crash is a power cut, as far as a process can have one.
func (m *machine) crash() {
	m.kill()
	m.t.say("%s is dead", m.name)
}

func (m *machine) kill() {
	if m.cmd == nil {
		return
	}
	if err := m.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		fmt.Fprintln(os.Stderr, m.name, err)
	}
	<-m.done
}
