package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"warren/node/fault"
)

const (
	readyTime = 30 * time.Second
	stopTime  = 10 * time.Second
)

// process is one node. Its fields below demo are guarded by demo.mu.
type process struct {
	demo *Demo
	name string
	role string
	dir  string
	port int
	// console is a port, 0 for none.
	console int

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

func (p *process) node() Node {
	n := Node{Name: p.name, Role: p.role, State: p.dir, Port: p.port}
	if p.cmd != nil {
		n.Running, n.PID = true, p.cmd.Process.Pid
	}
	return n
}

// verb runs one verb against the node's folder and reads its JSON.
func (p *process) verb(ctx context.Context, into any, args ...string) error {
	args = append([]string{"--state", p.dir, "--json"}, args...)
	cmd := exec.CommandContext(ctx, p.demo.cfg.Exe, args...) //nolint:gosec // our own binary
	cmd.Env = environ()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.New(fault.Internal, "%s on %s: %s", args[3], p.name, lastLine(errs.String(), err))
	}
	return decode(out.Bytes(), into)
}

func lastLine(text string, err error) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return strings.TrimPrefix(last, "warren: ")
	}
	return err.Error()
}

// environ is this process's environment without what would lead a node to
// another folder.
func environ() []string {
	var out []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "WARREN_") {
			out = append(out, kv)
		}
	}
	return out
}

// start runs the node and returns when it is ready.
func (p *process) start(ctx context.Context) error {
	logFile, err := os.OpenFile(filepath.Join(p.demo.cfg.Dir, p.name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fault.New(fault.Internal, "%w", err)
	}
	args := []string{"--state", p.dir, "up", "--loopback", "--listen", fmt.Sprintf(":%d", p.port)}
	if p.console != 0 {
		args = append(args, "--console", fmt.Sprintf("localhost:%d", p.console))
	}
	cmd := exec.Command(p.demo.cfg.Exe, args...) //nolint:gosec,noctx // ended by stop, gently
	cmd.Env = environ()
	cmd.SysProcAttr = childAttr()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		_ = logFile.Close()
		return fault.New(fault.Internal, "%w", err)
	}
	if err := cmd.Start(); err != nil {
		_ = logFile.Close()
		return fault.New(fault.Internal, "start %s: %w", p.name, err)
	}
	done, ready := make(chan struct{}), make(chan bool, 1)
	p.demo.mu.Lock()
	p.cmd, p.done = cmd, done
	p.demo.mu.Unlock()
	p.demo.group.Go(func() error {
		defer close(done)
		defer logFile.Close()
		watch(stderr, logFile, ready)
		_ = cmd.Wait() // how it ended stands in its log
		p.demo.mu.Lock()
		p.cmd = nil
		p.demo.mu.Unlock()
		return nil
	})
	p.demo.group.Go(func() error {
		select {
		case <-done:
		case <-p.demo.ctx.Done():
			p.end(cmd, done)
		}
		return nil
	})
	select {
	case ok := <-ready:
		if ok {
			return nil
		}
		said, _ := os.ReadFile(logFile.Name())
		return fault.New(fault.Internal, "%s ended at once: %s", p.name, lastLine(string(said), errors.New("it said nothing"))).Try("see %s", logFile.Name())
	case <-time.After(readyTime):
		return fault.New(fault.Unavailable, "%s is not ready after %s", p.name, readyTime).Try("see %s", logFile.Name())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch copies the node's messages to its log and tells when it is ready, or
// that it never was.
func watch(from io.Reader, to io.Writer, ready chan<- bool) {
	told := false
	s := bufio.NewScanner(from)
	s.Buffer(make([]byte, 64<<10), 1<<20)
	for s.Scan() {
		_, _ = fmt.Fprintln(to, s.Text())
		if !told && s.Text() == "ready" {
			told = true
			ready <- true
		}
	}
	_, _ = io.Copy(to, from)
	if !told {
		ready <- false
	}
}

// end asks the process to stop, and makes it.
func (p *process) end(cmd *exec.Cmd, done <-chan struct{}) {
	terminate(cmd)
	select {
	case <-done:
	case <-time.After(stopTime):
		_ = cmd.Process.Kill()
		<-done
	}
}

// stop ends a running node.
func (p *process) stop() error {
	p.demo.mu.Lock()
	cmd, done := p.cmd, p.done
	p.demo.mu.Unlock()
	if cmd == nil {
		return fault.New(fault.Conflict, "%s is stopped already", p.name).Try("warren demo start %s", p.name)
	}
	p.end(cmd, done)
	return nil
}

// Ports are taken from where neither Linux, Windows nor macOS takes those of
// outgoing connections: between the choice and the start of a node, one of
// those would have it.
const firstPort, lastPort, portsEach = 20000, 32000, 4

// freePorts finds n base ports, each free with the three above it, for UDP
// and TCP. It begins anywhere, for two demos that start at once.
func freePorts(n int) ([]int, error) {
	var out []int
	const places = (lastPort - firstPort) / portsEach
	begin := rand.IntN(places)
	for i := 0; i < places && len(out) < n; i++ {
		base := firstPort + portsEach*((begin+i)%places)
		if free(base) {
			out = append(out, base)
		}
	}
	if len(out) < n {
		return nil, fault.New(fault.Unavailable, "there are not enough free ports for %d nodes", n).Try("fewer --devices")
	}
	return out, nil
}

func free(base int) bool {
	for p := base; p < base+portsEach; p++ {
		u, err := net.ListenPacket("udp", fmt.Sprintf(":%d", p)) //nolint:noctx // at once
		if err != nil {
			return false
		}
		t, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p)) //nolint:noctx // at once
		err = errors.Join(err, u.Close())
		if err != nil {
			return false
		}
		_ = t.Close()
	}
	return true
}
