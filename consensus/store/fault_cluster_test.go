//go:build linux

package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"warren/consensus/state/statetest"
	"warren/consensus/trust"
)

// processes are controllers as processes, and who talks to them.
type processes struct {
	t     *testing.T
	mesh  *statetest.Mesh
	log   *trust.Log // as it was founded
	cfg   nodeConfig
	procs []*proc
}

// proc is one controller's process; it is started anew after each kill.
type proc struct {
	cmd   *exec.Cmd
	stdin io.Closer
	said  said
}

// said is what a process wrote so far. Its methods may be called from any
// goroutine.
type said struct {
	mu   sync.Mutex
	text []byte
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	return len(p), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text[max(0, len(s.text)-16<<10):])
}

// end kills those that run.
func (c *processes) end() {
	for i, p := range c.procs {
		if p != nil {
			c.kill(i)
		}
	}
}

// newProcesses founds a mesh with n controllers. Each test has a loopback
// address of its own, so that ports are free whenever a process wants them.
func newProcesses(t *testing.T, n int) *processes {
	t.Helper()
	c := &processes{t: t, mesh: statetest.New(t, "acme"), cfg: nodeConfig{Dir: t.TempDir()}, procs: make([]*proc, n)}
	c.log = c.mesh.Log()
	pid := os.Getpid()
	host := fmt.Sprintf("127.%d.%d.%d", 100+time.Now().UnixNano()/1e6%100, pid>>8&0xff, pid&0xff)
	for i := range n {
		c.cfg.Raft = append(c.cfg.Raft, fmt.Sprintf("%s:%d", host, 41820+i))
		c.cfg.RPC = append(c.cfg.RPC, fmt.Sprintf("%s:%d", host, 41840+i))
	}
	for i := range n {
		c.start(i)
	}
	t.Cleanup(c.end)
	first := c.dial(0)
	defer first.Close()
	if err := first.Call("Node.Found", true, new(bool)); err != nil {
		t.Fatalf("found: %v\n%s", err, c.procs[0].said.String())
	}
	return c
}

func (c *processes) start(i int) {
	c.t.Helper()
	cfg := c.cfg
	cfg.Index, cfg.Dir = i, filepath.Join(c.cfg.Dir, fmt.Sprint(i))
	text, err := json.Marshal(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	p := &proc{cmd: exec.Command(os.Args[0], "-test.run=^TestFaultNode$", "-test.timeout=0", "-test.count=1")}
	p.cmd.Env = append(os.Environ(), faultNode+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		c.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.procs[i] = p
}

// kill is kill -9. A process that was not there any more failed by itself.
func (c *processes) kill(i int) {
	c.t.Helper()
	p := c.procs[i]
	_ = p.cmd.Process.Kill()
	if err := p.cmd.Wait(); p.cmd.ProcessState.Exited() {
		c.t.Errorf("controller %d ended by itself: %v\n%s", i, err, p.said.String())
	}
	_ = p.stdin.Close()
	c.procs[i] = nil
}

// dial waits until a controller answers.
func (c *processes) dial(i int) *rpc.Client {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		conn, err := net.DialTimeout("tcp", c.cfg.RPC[i], time.Second)
		if err == nil {
			return rpc.NewClient(conn)
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("controller %d does not come up: %v\n%s", i, err, c.procs[i].said.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *processes) status(i int) (s Status) {
	c.t.Helper()
	c.call(i, "Node.Status", &s)
	return s
}

func (c *processes) call(i int, method string, out any) {
	c.t.Helper()
	client := c.dial(i)
	defer client.Close()
	if err := client.Call(method, true, out); err != nil {
		c.t.Fatalf("controller %d: %v", i, err)
	}
}

// leader waits until most agree on one who says so too: for a heartbeat or two
// the others still name one that was killed.
func (c *processes) leader() int {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		named, itself := map[int]int{}, map[int]bool{}
		for i, p := range c.procs {
			if p != nil {
				leader := c.status(i).Leader
				named[leader]++
				itself[i] = leader == i
			}
		}
		for i, n := range named {
			if itself[i] && 2*n > len(c.procs) {
				return i
			}
		}
	}
	c.t.Fatal("no leader")
	return -1
}

// catchUp waits until a controller has applied what the leader had.
func (c *processes) catchUp(i int) {
	c.t.Helper()
	begun, want := time.Now(), c.status(c.leader()).Applied
	var way []string
	for {
		at := c.status(i).Applied
		took := time.Since(begun).Round(time.Second)
		if at >= want {
			return
		}
		if len(way) == 0 || !strings.HasPrefix(way[len(way)-1], took.String()) {
			way = append(way, fmt.Sprintf("%s %d", took, at))
		}
		if took >= time.Minute {
			for j, p := range c.procs {
				c.t.Logf("controller %d said:\n%s", j, p.said.String())
			}
			c.t.Fatalf("controller %d does not come to %d: %s", i, want, strings.Join(way, ", "))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// client asks controllers until one has begun.
type client struct {
	addresses []string
	conns     []*rpc.Client
	at        int
}

func (c *processes) client() *client {
	return &client{addresses: c.cfg.RPC, conns: make([]*rpc.Client, len(c.cfg.RPC))}
}

var errGaveUp = errors.New("no controller took it")

// ask returns what a controller did, which one, and errGaveUp where none began
// before the deadline. An Ask that may have begun is not repeated.
func (c *client) ask(ask Ask, deadline time.Time) (Answer, int, error) {
	for time.Now().Before(deadline) {
		at := c.at
		out, begun := c.once(at, ask)
		if begun && out.Outcome != notBegun {
			return out, at, nil
		}
		if begun && out.Leader >= 0 && out.Leader != at {
			c.at = out.Leader
		} else {
			c.at = (at + 1) % len(c.addresses)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return Answer{}, -1, errGaveUp
}

func (c *client) once(at int, ask Ask) (out Answer, begun bool) {
	if c.conns[at] == nil {
		conn, err := net.DialTimeout("tcp", c.addresses[at], time.Second)
		if err != nil {
			return out, false
		}
		c.conns[at] = rpc.NewClient(conn)
	}
	call := c.conns[at].Go("Node.Do", ask, &out, make(chan *rpc.Call, 1))
	var err error
	select {
	case <-call.Done:
		err = call.Error
	case <-time.After(10 * time.Second):
		err = os.ErrDeadlineExceeded
	}
	if err == nil {
		return out, true
	}
	_ = c.conns[at].Close()
	c.conns[at] = nil
	// ErrShutdown is told before anything was sent.
	return Answer{Outcome: unknown, Leader: -1}, !errors.Is(err, rpc.ErrShutdown)
}

func (c *client) close() {
	for _, conn := range c.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
}
