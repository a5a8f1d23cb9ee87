//go:build unix

package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"warren/session/sessiontest"
)

// patience bounds every wait: other tests share the machine.
const patience = 60 * time.Second

// binary is the real program, built once and for all tests.
var binary = sync.OnceValues(func() (string, error) {
	args := []string{"build", "-o", filepath.Join(workspace, "warren")}
	if race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "warren/cmd/warren")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return filepath.Join(workspace, "warren"), nil
})

// workspace is a folder with a short name: sockets' paths are bounded.
var workspace string

func TestMain(m *testing.M) {
	sessiontest.PlainLogin()
	var err error
	if workspace, err = os.MkdirTemp("", "warren-story"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(workspace)
	os.Exit(code)
}

// mesh is one story's machines.
type mesh struct {
	t   *testing.T
	exe string
	dir string

	mu       sync.Mutex
	machines map[string]*machine
}

// machine is a state folder and, while it is up, a process.
type machine struct {
	mesh *mesh
	name string
	dir  string
	port int

	mu   sync.Mutex
	proc *process
}

type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	mu   sync.Mutex
	said bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func newMesh(t *testing.T) *mesh {
	t.Helper()
	exe, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(workspace, "m") //nolint:usetesting // short names, for sockets; workspace is removed as a whole
	if err != nil {
		t.Fatal(err)
	}
	m := &mesh{t: t, exe: exe, dir: dir, machines: map[string]*machine{}}
	t.Cleanup(m.end)
	return m
}

// end kills what still runs, and says what the machines had to say where the
// test failed or they had a defect.
func (m *mesh) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, one := range m.machines {
		p := one.proc
		if p == nil {
			continue
		}
		_ = p.cmd.Process.Kill()
		<-p.done
		if m.t.Failed() {
			m.t.Logf("%s said:\n%s", name, p.text())
		}
		one.defects(p)
	}
}

func (o *machine) defects(p *process) {
	for _, word := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if strings.Contains(p.text(), word) {
			o.mesh.t.Errorf("%s has a defect:\n%s", o.name, p.text())
			return
		}
	}
}

// at is the machine of that name; it need not exist yet.
func (m *mesh) at(name string) *machine {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.machines[name]; o != nil {
		return o
	}
	o := &machine{mesh: m, name: name, dir: filepath.Join(m.dir, name), port: freePort(m.t)}
	m.machines[name] = o
	return o
}

var drawn sync.Map

// freePort draws a port that is free together with the three above it, below
// the range other programs draw from.
func freePort(t *testing.T) int {
	t.Helper()
	const first, count, each = 12000, 1900, 4
	for range 200 {
		base := first + each*rand.IntN(count)
		if _, taken := drawn.LoadOrStore(base, true); !taken && free(base, each) {
			return base
		}
	}
	t.Fatal("no free port found")
	return 0
}

func free(base, count int) bool {
	for p := base; p < base+count; p++ {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", p))
		if err != nil {
			return false
		}
		u, err := net.ListenPacket("udp", fmt.Sprintf(":%d", p))
		if err == nil {
			_ = u.Close()
		}
		_ = l.Close()
		if err != nil {
			return false
		}
	}
	return true
}

// result is how a verb ended.
type result struct {
	code     int
	out, err string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", r.code, r.out, r.err)
}

func (o *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.mesh.exe, append([]string{"--state", o.dir}, args...)...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "WARREN_STATE=")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	endWithTest(cmd.SysProcAttr)
	return cmd
}

// run runs a verb to its end, whatever that is.
func (o *machine) run(args ...string) result {
	o.mesh.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := o.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	r := result{out: out.String(), err: errs.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		o.mesh.t.Fatalf("%s: warren %s does not end\n%v", o.name, strings.Join(args, " "), r)
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		o.mesh.t.Fatal(err)
	}
	return r
}

// must runs a verb that has to work.
func (o *machine) must(args ...string) string {
	o.mesh.t.Helper()
	r := o.run(args...)
	if r.code != 0 {
		o.mesh.t.Fatalf("%s: warren %s: %v", o.name, strings.Join(args, " "), r)
	}
	return r.out
}

// refused runs a verb that has to end with code and these words.
func (o *machine) refused(code int, words string, args ...string) {
	o.mesh.t.Helper()
	r := o.run(args...)
	if r.code != code || !strings.Contains(r.err, words) || strings.Count(r.err, "warren: ") != 1 {
		o.mesh.t.Errorf("%s: warren %s: %v\nwant %d and one sentence with %q", o.name, strings.Join(args, " "), r, code, words)
	}
}

// read runs a verb with --json and reads what it prints.
func read[T any](o *machine, args ...string) T {
	o.mesh.t.Helper()
	var v T
	if err := json.Unmarshal([]byte(o.must(append([]string{"--json"}, args...)...)), &v); err != nil {
		o.mesh.t.Fatalf("%s: warren %s: %v", o.name, strings.Join(args, " "), err)
	}
	return v
}

// until repeats a check until it holds.
func until(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// begin starts the machine's node and does not wait for it.
func (o *machine) begin() *process {
	o.mesh.t.Helper()
	cmd := o.command(context.Background(), "up", "--loopback", "--listen", ":"+strconv.Itoa(o.port))
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stderr = p
	if err := cmd.Start(); err != nil {
		o.mesh.t.Errorf("start %s: %v", o.name, err)
		close(p.done)
		return p
	}
	go func() { // ends with the process
		_ = cmd.Wait()
		close(p.done)
	}()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.proc = p
	return p
}

func (p *process) ready() bool {
	return strings.HasPrefix(p.text(), "ready\n") || strings.Contains(p.text(), "\nready\n")
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// up starts the node and waits until it is ready.
func (o *machine) up() {
	o.mesh.t.Helper()
	o.begin()
	o.starts()
}

// starts waits until the node that was begun is ready.
func (o *machine) starts() {
	o.mesh.t.Helper()
	o.mu.Lock()
	p := o.proc
	o.mu.Unlock()
	until(o.mesh.t, patience, o.name+" is ready or has ended", func() bool { return p.ready() || p.ended() })
	if !p.ready() {
		o.mesh.t.Fatalf("%s does not start:\n%s", o.name, p.text())
	}
}

// crash is a power cut, as far as a process can have one.
func (o *machine) crash() {
	o.mu.Lock()
	p := o.proc
	o.mu.Unlock()
	_ = p.cmd.Process.Kill()
	<-p.done
	o.defects(p)
}

// stop ends the node in order.
func (o *machine) stop() {
	o.mesh.t.Helper()
	p := o.proc
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		o.mesh.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		o.mesh.t.Fatalf("%s does not stop:\n%s", o.name, p.text())
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		o.mesh.t.Errorf("%s stopped with %d:\n%s", o.name, code, p.text())
	}
	o.defects(p)
}

// found makes the mesh's first machine, hq, and waits until it leads.
func (m *mesh) found() *machine {
	m.t.Helper()
	hq := m.at("hq")
	hq.must("init", "--name", "story", "--node", "hq")
	hq.up()
	hq.leads()
	return hq
}

func (o *machine) leads() {
	o.mesh.t.Helper()
	until(o.mesh.t, patience, o.name+" leads", func() bool {
		return read[struct{ Leader string }](o, "status").Leader == "hq"
	})
}

// join lets a machine in by an invite that by makes with the flags given.
func (m *mesh) join(by *machine, name string, flags ...string) *machine {
	m.t.Helper()
	o := m.at(name)
	link := read[struct{ Link string }](by, append([]string{"invite"}, flags...)...).Link
	claim := read[struct{ ID string }](o, "join", link, "--name", name, "--yes", "--no-wait")
	by.must("approve", claim.ID, "--yes")
	o.up()
	return o
}
