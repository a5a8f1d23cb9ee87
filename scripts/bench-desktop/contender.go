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
	"strconv"
	"strings"
	"syscall"
	"time"
)

// contender is one way to look at the display.
type contender struct {
	name string
	// open gives the address of the page that looks.
	open func(ctx context.Context) (string, error)
	// port is where the page's bytes come from.
	port int
	// device is the process on the watched machine.
	device int
}

// children are processes that end with the run.
type children struct {
	ctx  context.Context //nolint:containedctx // the run's
	dir  string
	cmds []*exec.Cmd
}

// start runs a program until the end, inside the namespace that in enters.
func (c *children) start(in, env []string, argv ...string) (*exec.Cmd, error) {
	argv = append(append([]string{}, in...), argv...)
	cmd := exec.CommandContext(c.ctx, argv[0], argv[1:]...) //nolint:gosec // ours
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error {
		// Who stands still would be killed, and leave its shared memory to the machine.
		return errors.Join(cmd.Process.Signal(syscall.SIGCONT), cmd.Process.Signal(os.Interrupt))
	}
	cmd.WaitDelay = 5 * time.Second
	log, err := os.Create(filepath.Join(c.dir, fmt.Sprintf("%s-%d.log", filepath.Base(argv[len(in)]), len(c.cmds))))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c.cmds = append(c.cmds, cmd)
	return cmd, nil
}

func (c *children) wait() {
	for _, cmd := range c.cmds {
		_ = cmd.Wait()
	}
}

// within tries until do works or the time is over.
func within(ctx context.Context, limit time.Duration, do func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := do()
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		rest(ctx, 50*time.Millisecond)
	}
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// place is where the two sides run: prefixes of commands, and the address by
// which the viewer's side reaches the device's.
type place struct {
	viewer, device []string
	address        string
	loopback       bool
}

// vnc starts a server for the display and websockify with noVNC before it.
func (c *children) vnc(at place, display, kind string, port, web int) (*contender, error) {
	argv := []string{"X0tigervnc", "-display", display, "-rfbport", strconv.Itoa(port), "-SecurityTypes", "None", "-AcceptSetDesktopSize=0"}
	if at.loopback {
		argv = append(argv, "-localhost=1")
	} else {
		argv = append(argv, "-localhost=0")
	}
	if kind == "x11vnc" {
		argv = []string{"x11vnc", "-display", display, "-rfbport", strconv.Itoa(port), "-nopw", "-shared", "-forever", "-quiet", "-noxrecord"}
		if at.loopback {
			argv = append(argv, "-localhost")
		}
	}
	server, err := c.start(at.device, nil, argv...)
	if err != nil {
		return nil, err
	}
	// Beside the viewer, as warren's node is.
	if _, err := c.start(at.viewer, nil, "websockify", "--web", "/usr/share/novnc", fmt.Sprintf("127.0.0.1:%d", web), fmt.Sprintf("%s:%d", at.address, port)); err != nil {
		return nil, err
	}
	pid := server.Process.Pid
	return &contender{
		name: kind + " + noVNC", port: web, device: pid,
		open: func(context.Context) (string, error) {
			return fmt.Sprintf("http://127.0.0.1:%d/vnc_lite.html?host=127.0.0.1&port=%d&scale=true", web, web), nil
		},
	}, nil
}

// mesh is two nodes: the technician's, and the device that has the display.
type mesh struct {
	warren, desk, id, display string
	port, device              int
}

// ask runs a verb on the technician's node.
func (m *mesh) ask(ctx context.Context, in []string, into any, args ...string) error {
	argv := append(append(append([]string{}, in...), m.warren, "--state", m.desk, "--json"), args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the program under test
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(out, into)
}

func (c *children) mesh(at place, warren, display string, base int) (*mesh, error) {
	m := &mesh{warren: warren, display: display, desk: filepath.Join(c.dir, fmt.Sprintf("desk-%d", base)), port: base + 90}
	state := filepath.Join(c.dir, fmt.Sprintf("screen-%d", base))
	if err := m.ask(c.ctx, at.viewer, nil, "init", "--name", "bench", "--node", "desk"); err != nil {
		return nil, err
	}
	up := func(port int) []string {
		args := []string{"up", "--tun", "userspace", "--listen", fmt.Sprintf(":%d", port)}
		if at.loopback {
			args = []string{"up", "--loopback", "--listen", fmt.Sprintf("127.0.0.1:%d", port)}
		}
		return args
	}
	desk := append([]string{warren, "--state", m.desk}, up(base)...)
	if _, err := c.start(at.viewer, []string{"DISPLAY="}, append(desk, "--console", fmt.Sprintf("127.0.0.1:%d", m.port))...); err != nil {
		return nil, err
	}
	var invite struct{ Link string }
	if err := within(c.ctx, 20*time.Second, func() error { return m.ask(c.ctx, at.viewer, &invite, "invite") }); err != nil {
		return nil, err
	}
	join := append(append([]string{}, at.device...), warren, "--state", state, "join", invite.Link, "--name", "screen", "--yes", "--no-wait")
	if out, err := exec.CommandContext(c.ctx, join[0], join[1:]...).CombinedOutput(); err != nil { //nolint:gosec // the program under test
		return nil, fmt.Errorf("join: %w: %s", err, out)
	}
	if err := m.ask(c.ctx, at.viewer, nil, "approve", "screen", "--yes"); err != nil {
		return nil, err
	}
	device, err := c.start(at.device, []string{"DISPLAY=" + display}, append([]string{warren, "--state", state}, up(base+10)...)...)
	if err != nil {
		return nil, err
	}
	m.device = device.Process.Pid
	if err := within(c.ctx, 30*time.Second, func() error { return m.ask(c.ctx, at.viewer, nil, "ping", "screen") }); err != nil {
		return nil, err
	}
	var d struct{ ID string }
	if err := m.ask(c.ctx, at.viewer, &d, "device", "screen"); err != nil {
		return nil, err
	}
	m.id = d.ID
	return m, nil
}

func (m *mesh) contender(at place) *contender {
	return &contender{
		name: ours, port: m.port, device: m.device,
		open: func(ctx context.Context) (string, error) {
			var page struct{ URL string }
			err := m.ask(ctx, at.viewer, &page, "desktop", "screen")
			return page.URL + "?display=" + m.display, err
		},
	}
}

// devicePage is the console's page of the device, from which the desktop is one
// click away.
func (m *mesh) devicePage(ctx context.Context, at place) (string, error) {
	var page struct{ URL string }
	err := m.ask(ctx, at.viewer, &page, "console")
	return page.URL + "&to=/devices/" + m.id, err
}

// spent is the processor time of a process and its children that live, in
// ticks of 10 ms; and sent what a port's connections have sent, in bytes.
func spent(pid int) time.Duration {
	var all time.Duration
	for _, p := range append(childrenOf(pid), pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 13 {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		all += time.Duration(user+system) * 10 * time.Millisecond
	}
	return all
}

// childrenOf are a process's, by whichever of its threads they were started.
func childrenOf(pid int) (out []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for word := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(word); err == nil {
				out = append(append(out, n), childrenOf(n)...)
			}
		}
	}
	return out
}

// sent asks the kernel what a port has sent to connections that live.
func sent(ctx context.Context, in []string, port int) (int64, error) {
	argv := append(append([]string{}, in...), "ss", "-tinH", "state", "established", fmt.Sprintf("( sport = :%d )", port))
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output() //nolint:gosec // ours
	if err != nil {
		return 0, err
	}
	var all int64
	for word := range strings.FieldsSeq(string(out)) {
		if text, ok := strings.CutPrefix(word, "bytes_sent:"); ok {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return 0, errors.New("ss says what nobody understands")
			}
			all += n
		}
	}
	return all, nil
}
