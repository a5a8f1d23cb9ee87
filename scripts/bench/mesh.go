package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// device is the demo's machine that is measured; the other one stays idle.
const (
	device = "kiosk-1"
	idler  = "kiosk-2"
)

// stopTime is what programs get to end by themselves.
const stopTime = 20 * time.Second

// mesh is a running demo.
type mesh struct {
	warren, dir, state string
	demo               *exec.Cmd
	joined             int
}

// startMesh runs the demo and returns when the technician reaches both devices.
func startMesh(ctx context.Context, warren, dir string) (*mesh, error) {
	exe, err := filepath.Abs(warren)
	if err != nil {
		return nil, err
	}
	m := &mesh{warren: exe, dir: filepath.Join(dir, "demo")}
	m.demo = exec.Command(exe, "demo", "--dir", m.dir) //nolint:gosec,noctx // the program under test; stop ends it
	m.demo.Stderr = &bytes.Buffer{}
	if err := m.demo.Start(); err != nil {
		return nil, err
	}
	err = within(ctx, time.Minute, func() error {
		var env map[string]string
		if err := m.ask(ctx, &env, "demo", "--dir", m.dir, "env"); err != nil {
			return err
		}
		m.state = env["WARREN_STATE"]
		return errors.Join(m.ask(ctx, nil, "ping", device), m.ask(ctx, nil, "ping", idler))
	})
	if err != nil {
		m.stop()
		return nil, fmt.Errorf("the demo did not come up: %w\n%s", err, m.demo.Stderr)
	}
	return m, nil
}

func (m *mesh) stop() {
	_ = m.demo.Process.Signal(os.Interrupt)
	kill := time.AfterFunc(stopTime, func() { _ = m.demo.Process.Kill() })
	defer kill.Stop()
	_ = m.demo.Wait()
}

// command is warren as the demo's technician.
func (m *mesh) command(ctx context.Context, args ...string) *exec.Cmd {
	return m.at(ctx, m.state, args...)
}

func (m *mesh) at(ctx context.Context, state string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, m.warren, args...)
	cmd.Env = append(os.Environ(), "WARREN_STATE="+state)
	return cmd
}

// ask runs a verb with --json and decodes what it prints.
func (m *mesh) ask(ctx context.Context, into any, args ...string) error {
	return do(m.command(ctx, append([]string{"--json"}, args...)...), into)
}

// do runs a command to its end and decodes what it prints.
func do(cmd *exec.Cmd, into any) error {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, errs.String())
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(out, into)
}

// join takes a machine in, approved as soon as it asks, and tells how long it
// took from the link to the first pong.
func (m *mesh) join(ctx context.Context) (time.Duration, error) {
	m.joined++
	name := fmt.Sprintf("bench-%d", m.joined)
	var invite struct{ Link string }
	if err := m.ask(ctx, &invite, "invite"); err != nil {
		return 0, err
	}
	port, err := freePorts(4)
	if err != nil {
		return 0, err
	}
	state := m.dir + "-" + name

	began := time.Now()
	join := m.at(ctx, state, "join", invite.Link, "--name", name, "--yes")
	var said bytes.Buffer
	join.Stderr = &said
	if err := join.Start(); err != nil {
		return 0, err
	}
	err = within(ctx, 20*time.Second, func() error { return m.ask(ctx, nil, "approve", name, "--yes") })
	if err := errors.Join(err, join.Wait()); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, said.String())
	}
	up := m.at(ctx, state, "up", "--loopback", "--listen", fmt.Sprintf("127.0.0.1:%d", port))
	if err := up.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = up.Process.Signal(os.Interrupt)
		_ = up.Wait()
	}()
	err = within(ctx, 20*time.Second, func() error { return m.ask(ctx, nil, "ping", name) })
	return time.Since(began), err
}

// pid is the process of one of the demo's machines.
func (m *mesh) pid(ctx context.Context, name string) (int, error) {
	var status struct {
		Nodes []struct {
			Name string
			PID  int
		}
	}
	if err := m.ask(ctx, &status, "demo", "--dir", m.dir, "status"); err != nil {
		return 0, err
	}
	for _, n := range status.Nodes {
		if n.Name == name {
			return n.PID, nil
		}
	}
	return 0, fmt.Errorf("the demo has no %s", name)
}

// within tries until do works or the time is over; then it gives the last
// error.
func within(ctx context.Context, limit time.Duration, do func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := do()
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// freePorts finds the first of n ports in a row that nobody listens on.
func freePorts(n int) (int, error) {
	for first := 43000; first < 60000; first += n {
		if free(first, n) {
			return first, nil
		}
	}
	return 0, errors.New("no free ports")
}

func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", addr) //nolint:noctx // closed on the next line
		if err != nil {
			return false
		}
		_ = l.Close()
		p, err := net.ListenPacket("udp", addr) //nolint:noctx // closed on the next line
		if err != nil {
			return false
		}
		_ = p.Close()
	}
	return true
}
