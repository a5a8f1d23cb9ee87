package codec

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// program is the helper as a file in memory that nobody can change.
type program struct{ file *os.File }

func newProgram(text []byte) (*program, error) {
	// Kernels before 6.3 do not know that it is meant to be run.
	fd, err := unix.MemfdCreate("warren-codec", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate("warren-codec", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("make room for the codec helper: %w", err)
	}
	// Out of the way of the numbers that the child gives its own files.
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 64)
	_ = unix.Close(fd)
	if err != nil {
		return nil, fmt.Errorf("make room for the codec helper: %w", err)
	}
	p := &program{os.NewFile(uintptr(high), "warren-codec")}
	if _, err = p.file.Write(text); err == nil {
		_, err = unix.FcntlInt(uintptr(high), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	}
	if err != nil {
		_ = p.close()
		return nil, fmt.Errorf("lay down the codec helper: %w", err)
	}
	return p, nil
}

func (p *program) close() error {
	if p == nil {
		return nil
	}
	return p.file.Close()
}

// shared is the picture, in memory that the helper reads and cannot write,
// shrink or grow.
type shared struct {
	file  *os.File
	bytes []byte
}

func newShared(size int) (*shared, error) {
	fd, err := unix.MemfdCreate("warren-picture", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate("warren-picture", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("make room for the picture: %w", err)
	}
	s := &shared{file: os.NewFile(uintptr(fd), "warren-picture")}
	if err = unix.Ftruncate(fd, int64(size)); err == nil {
		s.bytes, err = unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_FUTURE_WRITE)
	}
	if err != nil {
		_ = s.close()
		return nil, fmt.Errorf("make room for the picture: %w", err)
	}
	return s, nil
}

func (s *shared) close() error {
	if s == nil {
		return nil
	}
	var err error
	if s.bytes != nil {
		err = unix.Munmap(s.bytes)
		s.bytes = nil
	}
	return errors.Join(err, s.file.Close())
}

// run starts a helper, in namespaces of its own where that is permitted.
func (p *program) run(s *shared) (*helper, error) {
	const own = syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	flags := []uintptr{own, 0}
	if os.Geteuid() != 0 {
		flags[0] |= syscall.CLONE_NEWUSER
	}
	var h *helper
	var err error
	for _, f := range flags {
		if h, err = p.runIn(s, f); err == nil {
			return h, nil
		}
	}
	return nil, err
}

func (p *program) runIn(s *shared, namespaces uintptr) (*helper, error) {
	theirIn, commands, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the codec helper: %w", err)
	}
	answers, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the codec helper: %w", err), theirIn.Close(), commands.Close())
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/fd/" + strconv.Itoa(int(p.file.Fd())), Args: []string{"warren-codec"}, Env: []string{}, Dir: "/",
		Stdin: theirIn, Stdout: theirOut, ExtraFiles: []*os.File{s.file},
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true},
	}
	h := &helper{commands: commands, answers: answers, over: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The helper dies when the thread that started it does; so that thread is
		// kept, for nothing else, until the helper has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(h.over)
		err := cmd.Start()
		h.process = cmd.Process
		_, _ = theirIn.Close(), theirOut.Close()
		started <- err
		if err == nil {
			h.state = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("start the codec helper: %w", err), commands.Close(), answers.Close())
	}
	return h, nil
}
