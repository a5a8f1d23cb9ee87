//go:build linux

package x11

import (
	"context"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// anotherHeir is the shortest time between two heirs of a display.
	anotherHeir = 10 * time.Second
	nobody      = 65534
)

// estate is what a node's seats on one display leave behind, and who takes care
// of that. An heir is this program once more, with nothing in its hands but a
// connection to the display, what is held there, and a pipe whose end says
// that the node is no more:
//
//	node --holding: a file--> heir --let go--> X server
//	    \--pipe: its end-----/
type estate struct {
	program []string // empty: there are no heirs
	holding *holding
	count   int // of seats

	mu    sync.Mutex
	pipe  *os.File // to the heir that there is
	kill  func()   // ends it
	done  chan struct{}
	begun time.Time
}

// seats has the seats on each display, and their heirs.
type seats struct {
	config Config
	mu     sync.Mutex
	taken  map[string]*estate
}

// take counts one more; first tells that there was none. back counts it no more.
func (s *seats) take(display string) (e *estate, first bool, back func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken = map[string]*estate{}
	}
	if e = s.taken[display]; e == nil {
		e, first = &estate{program: s.config.Heir, holding: openHolding(s.config.Folder, display)}, true
		s.taken[display] = e
	}
	e.count++
	return e, first, func() {
		s.mu.Lock()
		e.count--
		last := e.count == 0
		if last {
			delete(s.taken, display)
		}
		s.mu.Unlock()
		if last {
			e.settle()
		}
	}
}

// appoint sees to it that there is an heir, or soon will be: nobody waits for
// one. It speaks to the server as l does.
func (e *estate) appoint(l *link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pipe != nil || len(e.program) == 0 || e.holding.file == nil || time.Since(e.begun) < anotherHeir {
		return
	}
	theirs, pipe, err := os.Pipe()
	if err != nil {
		return
	}
	ctx, kill := context.WithCancel(context.Background())
	e.pipe, e.kill, e.done, e.begun = pipe, kill, make(chan struct{}), time.Now()
	go func(done chan struct{}) { // settle waits for it
		defer close(done)
		defer kill()
		_ = e.run(ctx, l.place, l.key, theirs, pipe)
		e.mu.Lock()
		defer e.mu.Unlock()
		pipe.Close()
		e.pipe = nil
	}(e.done)
}

// run is an heir's life, until ctx ends.
func (e *estate) run(ctx context.Context, p place, key *cookie, theirs, pipe *os.File) error {
	defer theirs.Close()
	raw, err := dial(ctx, p, key)
	if err != nil {
		return err
	}
	defer raw.Close()
	socket, err := raw.(*net.UnixConn).File() //nolint:forcetypeassert // dial's network
	if err != nil {
		return err
	}
	defer socket.Close()
	held, err := os.Open(e.holding.path)
	if err != nil {
		return err
	}
	defer held.Close()
	cmd, err := e.start(theirs, socket, held)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	greeting := []byte{0}
	if key != nil {
		greeting = append([]byte{byte(len(key.data))}, key.data...) //nolint:gosec // cookieSize
	}
	if _, err := pipe.Write(greeting); err != nil {
		_ = cmd.Process.Kill()
	}
	theirs.Close()
	socket.Close()
	raw.Close()
	return cmd.Wait()
}

// start starts one with as few rights as the system lets it have.
func (e *estate) start(pipe, socket, held *os.File) (cmd *exec.Cmd, err error) {
	const own = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	apart := &syscall.SysProcAttr{Setsid: true, Cloneflags: own}
	if os.Geteuid() == 0 {
		ids := []syscall.SysProcIDMap{{ContainerID: nobody, HostID: nobody, Size: 1}}
		apart.UidMappings, apart.GidMappings, apart.GidMappingsEnableSetgroups = ids, ids, true
		apart.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	for _, how := range []*syscall.SysProcAttr{apart, {Setsid: true}} {
		cmd = &exec.Cmd{
			Path: e.program[0], Args: append(e.program[1:len(e.program):len(e.program)], letGoWord), Env: []string{"GOMAXPROCS=1"}, Dir: "/",
			Stdin: pipe, ExtraFiles: []*os.File{socket, held}, SysProcAttr: how,
		}
		if err = cmd.Start(); err == nil {
			return cmd, nil
		}
	}
	return nil, err
}

// settle ends the heir. What the last seat could not let go of, it does.
func (e *estate) settle() {
	e.mu.Lock()
	pipe, kill, done := e.pipe, e.kill, e.done
	if pipe != nil {
		pipe.Close()
	}
	e.mu.Unlock()
	if pipe != nil {
		late := time.AfterFunc(closing, kill)
		<-done
		late.Stop()
	}
	e.holding.remove()
}
