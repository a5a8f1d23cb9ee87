//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// daemon is a process of warren up.
type daemon struct {
	cmd  *exec.Cmd
	port int
	done chan struct{} // closed when the process has ended

	mu   sync.Mutex
	said bytes.Buffer
}

// Write keeps what the node says on stderr.
func (n *daemon) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.said.Write(p)
}

func (n *daemon) text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.said.String()
}

func (n *daemon) ended() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// wait holds on until fits is true of what the node has said.
func (n *daemon) wait(ts *testscript.TestScript, what string, fits func(text string) bool) {
	deadline := time.Now().Add(patience)
	for {
		ended := n.ended() // before the text: its last words count
		if fits(n.text()) {
			return
		}
		if ended || time.Now().After(deadline) {
			ts.Fatalf("the node has not %s (ended: %v):\n%s", what, ended, n.text())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// start runs the node of the state folder in force. It keeps its port over
// restarts.
func (s *story) start(ts *testscript.TestScript, flags []string) *daemon {
	state := ts.Getenv("WARREN_STATE")
	before := s.nodes[state]
	if before != nil && before.cmd != nil && !before.ended() {
		ts.Fatalf("the node of %s is up", state)
	}
	n := &daemon{done: make(chan struct{}), port: s.port(ts, state)}
	args := append([]string{"up", "--loopback", "--listen", fmt.Sprintf(":%d", n.port)}, flags...)
	n.cmd = s.command(context.Background(), ts, args)
	n.cmd.Stderr = n
	ts.Check(n.cmd.Start())
	s.nodes[state] = n
	go func() { // ends with the process, which endAll ends
		_ = n.cmd.Wait()
		close(n.done)
	}()
	return n
}

// port is the one that the node of state has, or a free one.
func (s *story) port(ts *testscript.TestScript, state string) int {
	if n := s.nodes[state]; n != nil {
		return n.port
	}
	port, err := freePort()
	ts.Check(err)
	return port
}

// taken keeps the scripts of this process from drawing one port twice.
var taken sync.Map

// freePort draws a port that is free together with the three above it. Other
// programs draw from the range above 32768.
func freePort() (int, error) {
	const first, count, each = 20000, 3000, 4
	for range 200 {
		base := first + each*rand.IntN(count)
		if _, loaded := taken.LoadOrStore(base, true); !loaded && free(base, each) {
			return base, nil
		}
	}
	return 0, fmt.Errorf("no free port found")
}

func free(base, count int) bool {
	for p := base; p < base+count; p++ {
		t, err := net.Listen("tcp", fmt.Sprintf(":%d", p))
		if err != nil {
			return false
		}
		_ = t.Close()
		u, err := net.ListenPacket("udp", fmt.Sprintf(":%d", p))
		if err != nil {
			return false
		}
		_ = u.Close()
	}
	return true
}

func (s *story) node(ts *testscript.TestScript) *daemon {
	n := s.nodes[ts.Getenv("WARREN_STATE")]
	if n == nil {
		ts.Fatalf("no node was started on %s", ts.Getenv("WARREN_STATE"))
	}
	return n
}

func isReady(text string) bool {
	return strings.HasPrefix(text, "ready\n") || strings.Contains(text, "\nready\n")
}

func up(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, true, "up [FLAG ...]")
	of(ts).start(ts, args).wait(ts, "become ready", isReady)
}

func starting(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, true, "starting [FLAG ...]")
	of(ts).start(ts, args)
}

func says(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "says REGEXP")
	of(ts).node(ts).wait(ts, "said "+args[0], compile(ts, args[0]).MatchString)
}

// halt ends the node as a service manager does, and looks at how it went.
func halt(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "halt")
	n := of(ts).node(ts)
	ts.Check(n.cmd.Process.Signal(syscall.SIGTERM))
	n.end(ts, 0)
}

func crash(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "crash")
	n := of(ts).node(ts)
	ts.Check(n.cmd.Process.Kill())
	n.end(ts, -1)
}

// end waits for the process and its code.
func (n *daemon) end(ts *testscript.TestScript, code int) {
	select {
	case <-n.done:
	case <-time.After(patience):
		ts.Fatalf("the node does not end:\n%s", n.text())
	}
	if got := n.cmd.ProcessState.ExitCode(); got != code {
		ts.Fatalf("the node ended with %d, want %d:\n%s", got, code, n.text())
	}
	n.clean(ts)
}

func (n *daemon) clean(ts *testscript.TestScript) {
	for _, word := range []string{"DATA RACE", "panic:", "goroutine "} {
		if strings.Contains(n.text(), word) {
			ts.Fatalf("the node has a defect:\n%s", n.text())
		}
	}
}

func ended(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "ended CODE REGEXP")
	n := of(ts).node(ts)
	select {
	case <-n.done:
	case <-time.After(patience):
		ts.Fatalf("the node does not end:\n%s", n.text())
	}
	if args[0] == "0" {
		n.end(ts, 0)
		return
	}
	expect(ts, result{code: n.cmd.ProcessState.ExitCode(), errors: n.text()}, args[0], args[1])
	if problem := soup(n.text()); problem != "" {
		ts.Fatalf("%s\n%s", n.text(), problem)
	}
}

// endAll leaves no process behind, however the script ended.
func (s *story) endAll() {
	for _, n := range s.nodes {
		if n.cmd == nil || n.ended() {
			continue
		}
		_ = n.cmd.Process.Kill()
		<-n.done
	}
}

func found(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "found NAME")
	s := of(ts)
	on(ts, false, []string{"hq"})
	s.must(ts, "init", "--name", args[0], "--node", "hq")
	s.start(ts, nil).wait(ts, "become ready", isReady)
	until(ts, false, []string{`"leader": "hq"`, "status", "--json"})
}

func enrolled(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "enrol NAME [FLAG ...]")
	s, name, here := of(ts), args[0], ts.Getenv("WARREN_STATE")
	var invite struct {
		Link string `json:"link"`
	}
	ts.Check(json.Unmarshal([]byte(s.must(ts, append([]string{"invite", "--json"}, args[1:]...)...)), &invite))
	on(ts, false, []string{name})
	s.must(ts, "join", invite.Link, "--name", name, "--yes", "--no-wait")
	ts.Setenv("WARREN_STATE", here)
	s.must(ts, "approve", name, "--yes")
	on(ts, false, []string{name})
	s.start(ts, nil).wait(ts, "become ready", isReady)
	ts.Setenv("WARREN_STATE", here)
}

// must runs a verb that has to work for the story to go on.
func (s *story) must(ts *testscript.TestScript, args ...string) string {
	r := s.run(ts, args)
	if r.code != 0 {
		ts.Fatalf("warren %s: exit code %d\n%s", strings.Join(args, " "), r.code, r.errors)
	}
	return r.out
}

// squat listens where the node of this folder is going to.
func squat(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 && (args[0] == "tcp" || args[0] == "udp"), "squat tcp|udp")
	s, state := of(ts), ts.Getenv("WARREN_STATE")
	port := s.port(ts, state)
	at := fmt.Sprintf("127.0.0.1:%d", port)
	var release func() error
	if args[0] == "tcp" {
		l, err := net.Listen("tcp", at)
		ts.Check(err)
		release = l.Close
	} else {
		l, err := net.ListenPacket("udp", at)
		ts.Check(err)
		release = l.Close
	}
	ts.Defer(func() { _ = release() })
	done := make(chan struct{})
	close(done)
	s.nodes[state] = &daemon{port: port, done: done}
	ts.Setenv("PORT", fmt.Sprint(port))
}
