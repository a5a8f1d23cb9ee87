package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// commands times a command that does nothing, over both.
func commands(ctx context.Context, m *mesh, s *sshd, r *report) error {
	for range r.runs {
		for _, one := range []struct {
			into *sample
			cmd  *exec.Cmd
		}{
			{&r.shell, m.command(ctx, "shell", device, "--", "true")},
			{&r.ssh, s.command(ctx, "true")},
		} {
			began := time.Now()
			if err := run(one.cmd, nil); err != nil {
				return err
			}
			one.into.add(time.Since(began))
		}
	}
	return nil
}

const outputSize = 20_000_000

// output carries 20 MB that cannot be compressed or guessed, and compares.
func output(ctx context.Context, m *mesh, s *sshd, r *report) error {
	want := make([]byte, outputSize)
	_, _ = rand.Read(want)
	file := filepath.Join(m.dir, "output")
	if err := os.WriteFile(file, want, 0o644); err != nil {
		return err
	}
	for range max(r.runs/8, 1) {
		for _, one := range []struct {
			into *sample
			cmd  *exec.Cmd
		}{
			{&r.shellOutput, m.command(ctx, "shell", device, "--", "cat", file)},
			{&r.sshOutput, s.command(ctx, "cat", file)},
		} {
			began := time.Now()
			got, err := one.cmd.Output()
			took := time.Since(began)
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("%s: %d bytes arrived, not the %d that were sent", one.cmd.Args[0], len(got), len(want))
			}
			one.into.add(took)
		}
	}
	return nil
}

// joining takes machines in, one after the other.
func joining(ctx context.Context, m *mesh, _ *sshd, r *report) error {
	for range max(r.runs/8, 1) {
		took, err := m.join(ctx)
		if err != nil {
			return err
		}
		r.join.add(took)
	}
	return nil
}

// idle watches a device nobody works on.
func idle(ctx context.Context, m *mesh, _ *sshd, r *report) error {
	pid, err := m.pid(ctx, idler)
	if err != nil {
		return err
	}
	before, err := processorTime(pid)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(r.idle):
	}
	after, err := processorTime(pid)
	if err != nil {
		return err
	}
	r.core = float64(after-before) / float64(r.idle)
	r.rss, err = resident(pid)
	return err
}

// processorTime reads user and system time of a process: proc(5), fields 14
// and 15 of stat, in ticks of 10 ms.
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold spaces.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("odd stat of process %d", pid)
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// resident reads a process's resident memory in bytes.
func resident(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("process %d tells no VmRSS", pid)
}

func binary(_ context.Context, m *mesh, _ *sshd, r *report) error {
	info, err := os.Stat(m.warren)
	if err != nil {
		return err
	}
	r.binary = info.Size()
	return nil
}
