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

	"warren/scripts/peer"
)

// begin starts what the steps on loopback need.
func begin(ctx context.Context, r *run, _ *report) error {
	var failed, err error
	if r.mesh, err = startMesh(ctx, r.warren, r.short); err != nil {
		failed = err
	}
	if r.sshd, err = startSSH(ctx, r.short); err != nil {
		return errors.Join(failed, err)
	}
	version, err := peer.SSHVersion(ctx)
	r.peers = append(r.peers, version)
	return errors.Join(failed, err)
}

var errNoDemo = errors.New("the demo or the sshd did not come up")

// commands times a command that does nothing, over both.
func commands(ctx context.Context, r *run, out *report) error {
	if r.mesh == nil || r.sshd == nil {
		return errNoDemo
	}
	var shell, ssh sample
	for range r.runs {
		for _, one := range []struct {
			into *sample
			cmd  *exec.Cmd
		}{
			{&shell, r.mesh.command(ctx, "shell", device, "--", "true")},
			{&ssh, r.sshd.command(ctx, "true")},
		} {
			began := time.Now()
			if err := do(one.cmd, nil); err != nil {
				return err
			}
			one.into.add(time.Since(began))
		}
	}
	out.add(rowCommand, shell.String(), "OpenSSH: "+ssh.String(), "at most 0.5 of OpenSSH", atMost(ratio(shell.median(), ssh.median()), 0.5, "%.2f"))
	return nil
}

const outputSize = 20_000_000

// output carries 20 MB that cannot be compressed or guessed, and compares.
func output(ctx context.Context, r *run, out *report) error {
	if r.mesh == nil || r.sshd == nil {
		return errNoDemo
	}
	want := make([]byte, outputSize)
	_, _ = rand.Read(want)
	file := filepath.Join(r.mesh.dir, "output")
	if err := os.WriteFile(file, want, 0o644); err != nil {
		return err
	}
	var shell, ssh sample
	for range max(r.runs/8, 1) {
		for _, one := range []struct {
			into *sample
			cmd  *exec.Cmd
		}{
			{&shell, r.mesh.command(ctx, "shell", device, "--", "cat", file)},
			{&ssh, r.sshd.command(ctx, "cat", file)},
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
	perSecond := func(s sample) string { return fmt.Sprintf("%.0f MB/s", outputSize/1e6/s.median().Seconds()) }
	out.add(rowOutput, perSecond(shell), "OpenSSH: "+perSecond(ssh), "whole", "met")
	return nil
}

// joining takes machines in, one after the other.
func joining(ctx context.Context, r *run, out *report) error {
	if r.mesh == nil {
		return errNoDemo
	}
	var took sample
	for range max(r.runs/8, 1) {
		one, err := r.mesh.join(ctx)
		if err != nil {
			return err
		}
		took.add(one)
	}
	out.add(rowJoin, took.String(), "", "at most 3 s", atMost(took.median().Seconds(), 3, "%.2f s"))
	return nil
}

const mb = 1e6

// idle watches a device nobody works on.
func idle(ctx context.Context, r *run, out *report) error {
	if r.mesh == nil {
		return errNoDemo
	}
	pid, err := r.mesh.pid(ctx, idler)
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
	case <-time.After(r.options.idle):
	}
	after, err := processorTime(pid)
	if err != nil {
		return err
	}
	rss, err := resident(pid)
	if err != nil {
		return err
	}
	core := float64(after-before) / float64(r.options.idle) * 100
	out.add(rowMemory, fmt.Sprintf("%.1f MB", float64(rss)/mb), "", "at most 60 MB", atMost(float64(rss)/mb, 60, "%.1f MB"))
	out.add(rowProcessor, fmt.Sprintf("%.2f %% of a core over %s", core, r.options.idle), "", "at most 0.5 %", atMost(core, 0.5, "%.2f %%"))
	return nil
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

func binary(_ context.Context, r *run, out *report) error {
	info, err := os.Stat(r.warren)
	if err != nil {
		return err
	}
	size := float64(info.Size()) / mb
	out.add(rowBinary, fmt.Sprintf("%.1f MB", size), "", "at most 60 MB", atMost(size, 60, "%.1f MB"))
	return nil
}
