//go:build unix

package shell

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"warren/session"
)

// What a process has to save its work: until SIGTERM, and from the beginning
// until SIGKILL. A session that is revoked must be over within a second.
const (
	hangUp = 350 * time.Millisecond
	grace  = 700 * time.Millisecond
)

// endOfInput is what a terminal sends for Ctrl-D (VEOF).
const endOfInput = 0x04

// process is a started child. It leads a session and a process group of its
// own.
type process struct {
	child    *os.Process
	terminal *os.File // the PTY's master, nil without a terminal
	stdin    *os.File
	stdout   *os.File
	stderr   *os.File

	closing sync.Once
}

// startError is a command that could not be started, with the exit code a
// shell would give.
type startError struct {
	command string
	code    int
	why     string
}

func (e *startError) Error() string { return fmt.Sprintf("%.200s: %s", e.command, e.why) }

// start runs what was asked for as the account.
func start(asked request, as account, r session.Request) (*process, error) {
	path, argv := as.shell, []string{"-" + filepath.Base(as.shell)}
	if len(asked.argv) > 0 {
		argv = asked.argv
		found, err := lookPath(argv[0], as.path())
		if err != nil {
			return nil, err
		}
		path = found
	}
	attributes := &os.ProcAttr{
		Env: as.environment(asked, r),
		Sys: &syscall.SysProcAttr{Setsid: true, Credential: as.credential()},
	}
	p := &process{}
	child, err := p.wire(asked, as)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("prepare %s: %w", r.Verb, err)
	}
	defer func() {
		for _, f := range child {
			_ = f.Close()
		}
	}()
	attributes.Files = child
	attributes.Sys.Setctty = asked.terminal // on file 0
	if p.terminal != nil {
		attributes.Files = []*os.File{child[0], child[0], child[0]}
	}
	keepFiles()
	attributes.Dir = as.directory()
	p.child, err = os.StartProcess(path, argv, attributes)
	if err != nil && attributes.Dir != "/" && filepath.IsAbs(path) {
		// A home that the user cannot enter is no reason to refuse.
		attributes.Dir = "/"
		p.child, err = os.StartProcess(path, argv, attributes)
	}
	if err != nil {
		p.close()
		return nil, startFailure(argv[0], err)
	}
	return p, nil
}

// wire makes the process's terminal or pipes and gives the child's ends.
func (p *process) wire(asked request, as account) (child []*os.File, err error) {
	if asked.terminal {
		master, slave, err := openTerminal()
		if err != nil {
			return nil, err
		}
		p.terminal, p.stdin, p.stdout = master, master, master
		if err := setSize(master, asked.columns, asked.rows); err != nil {
			return []*os.File{slave}, err
		}
		prepareTerminal(slave)
		return []*os.File{slave}, as.own(slave)
	}
	ours := []**os.File{&p.stdin, &p.stdout, &p.stderr}
	for i, mine := range ours {
		read, write, err := os.Pipe()
		if err != nil {
			for _, f := range child {
				_ = f.Close()
			}
			return nil, err
		}
		if i == 0 {
			*mine, child = write, append(child, read)
		} else {
			*mine, child = read, append(child, write)
		}
	}
	return child, nil
}

// openTerminal gives a new terminal's two ends. The master is one that the
// runtime polls: pty.Open's blocks, so that a read that waits keeps a thread,
// heeds no deadline, and keeps the terminal from hanging up when it is closed.
func openTerminal() (master, slave *os.File, err error) {
	blocking, slave, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = blocking.Close() }()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		if err = unix.SetNonblock(fd, true); err == nil {
			return os.NewFile(uintptr(fd), blocking.Name()), slave, nil //nolint:gosec // a descriptor is not negative
		}
		_ = unix.Close(fd)
	}
	_ = slave.Close()
	return nil, nil, err
}

// outputs are what the process prints to.
func (p *process) outputs() map[Channel]*os.File {
	if p.terminal != nil {
		return map[Channel]*os.File{Stdout: p.terminal}
	}
	return map[Channel]*os.File{Stdout: p.stdout, Stderr: p.stderr}
}

// write gives the process input. A process that no longer reads is no error.
func (p *process) write(data []byte) { _, _ = p.stdin.Write(data) }

// endInput tells the process that no input follows.
func (p *process) endInput() {
	if p.terminal != nil {
		_, _ = p.terminal.Write([]byte{endOfInput})
		return
	}
	_ = p.stdin.Close()
}

// resize sets the terminal's size; the kernel sends SIGWINCH.
func (p *process) resize(columns, rows uint16) {
	if p.terminal != nil && columns > 0 && rows > 0 {
		_ = setSize(p.terminal, columns, rows)
	}
}

// signal sends a signal by name to the terminal's foreground process group,
// else to the child's.
func (p *process) signal(name string) {
	number := unix.SignalNum("SIG" + name)
	if number == 0 {
		return
	}
	group := p.child.Pid
	if p.terminal != nil {
		if foreground := foregroundGroup(p.terminal); foreground > 1 {
			group = foreground
		}
	}
	p.kill(group, number)
}

// kill signals a process group, never our own nor everybody's, and tells
// whether there is one.
func (p *process) kill(group int, signal syscall.Signal) bool {
	return group > 1 && group != unix.Getpgrp() && unix.Kill(-group, signal) == nil
}

// terminate makes the process group end: a hang-up now, SIGTERM and SIGKILL to
// what is left of it later. One signal at a time: editors take a second one
// for the order to drop everything. A process that has ended by itself is left
// alone, and so is what it left in the background. It returns after the child
// has.
func (p *process) terminate(exited <-chan struct{}) {
	p.close() // hangs a terminal up; pipes break
	select {
	case <-exited:
		return
	default:
	}
	group := p.child.Pid
	if p.terminal == nil {
		p.kill(group, unix.SIGHUP) // a terminal's comes from the kernel
	}
	p.kill(group, unix.SIGCONT)
	began, term := time.Now(), false
	look := time.NewTicker(grace / 50)
	defer look.Stop()
	for p.kill(group, 0) { // watched without a gap, so its number is nobody else's
		<-look.C
		past := time.Since(began)
		if past >= hangUp && !term {
			p.kill(group, unix.SIGTERM)
			term = true
		}
		if past >= grace {
			p.kill(group, unix.SIGKILL)
			break
		}
	}
	<-exited
}

// wait blocks for the child's end.
func (p *process) wait() Exit {
	state, err := p.child.Wait()
	if err != nil {
		return Exit{Code: 255}
	}
	status, _ := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		name := strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG")
		return Exit{Code: 128 + int(status.Signal()), Signal: name}
	}
	return Exit{Code: status.ExitStatus()}
}

// close closes our ends.
func (p *process) close() {
	p.closing.Do(func() {
		for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
			if f != nil {
				_ = f.Close()
			}
		}
	})
}

// lookPath finds a command as a shell would, in the given PATH.
func lookPath(command, path string) (string, error) {
	if strings.ContainsRune(command, '/') {
		return command, nil
	}
	denied := false
	for _, dir := range filepath.SplitList(path) {
		full := filepath.Join(dir, command)
		info, err := os.Stat(full)
		switch {
		case err != nil || !info.Mode().IsRegular():
		case info.Mode()&0o111 == 0:
			denied = true
		default:
			return full, nil
		}
	}
	if denied {
		return "", &startError{command, 126, "permission denied"}
	}
	return "", &startError{command, 127, "command not found"}
}

// startFailure tells what an exec's error means in a shell's exit codes.
func startFailure(command string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return &startError{command, 127, "no such file"}
	case errors.Is(err, unix.ENOEXEC):
		return &startError{command, 126, "not an executable file"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EISDIR), errors.Is(err, unix.E2BIG), errors.Is(err, unix.ELOOP):
		var errno syscall.Errno
		errors.As(err, &errno)
		return &startError{command, 126, errno.Error()}
	default:
		return fmt.Errorf("start %s: %w", command, err)
	}
}

// setSize goes through SyscallConn, unlike pty.Setsize: a size may come while
// the file is being closed.
func setSize(terminal *os.File, columns, rows uint16) error {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
	})
	return errors.Join(err, failed)
}

// foregroundGroup asks a terminal for its foreground process group; 0 if none.
func foregroundGroup(terminal *os.File) (group int) {
	raw, err := terminal.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if g, err := unix.IoctlGetInt(int(fd), unix.TIOCGPGRP); err == nil {
			group = g
		}
	})
	return group
}
