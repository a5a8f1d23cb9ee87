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
	"strings"

	"warren/scripts/peer"
)

// tools builds what only the lab's measurements run.
func tools(ctx context.Context, r *run, _ *report) error {
	dir := filepath.Join(r.dir, "tools")
	for name, pkg := range map[string]string{"lab": "./scripts/lab", "engine": "./mesh/engine/testdata/lab"} {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(dir, name), pkg) //nolint:gosec // ours
		build.Env = append(build.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", pkg, err, out)
		}
	}
	version, err := peer.BuildWireGuard(ctx, filepath.Join(dir, "wireguard-go"))
	if err != nil {
		return err
	}
	r.tools = dir
	r.peers = append(r.peers, version)
	if out, err := exec.CommandContext(ctx, "iperf3", "--version").Output(); err == nil {
		first, _, _ := strings.Cut(string(out), " (")
		r.peers = append(r.peers, "measured by "+first)
	}
	return nil
}

// figures are what a story noted.
type figures map[string]json.RawMessage

// story runs one of the lab's, with its words on standard error. What it noted
// before it failed counts.
func (r *run) story(ctx context.Context, id string, more ...string) (figures, error) {
	if r.tools == "" {
		return nil, errors.New("the tools for the lab were not built")
	}
	args := append([]string{"-warren", r.warren, "-run", "^" + id + "$"}, more...)
	cmd := exec.CommandContext(ctx, filepath.Join(r.tools, "lab"), args...) //nolint:gosec // built above
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTime
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(cmd.Environ(), "TMPDIR="+r.tools)
	failed := cmd.Run()
	var got struct {
		Pass    bool
		Figures figures
		Error   string
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		return nil, errors.Join(errors.New(last(errs.Bytes())), failed, err)
	}
	if !got.Pass {
		log := filepath.Join("bin", id+".log")
		fmt.Println("        its words are in", log)
		return got.Figures, errors.Join(errors.New(got.Error), os.WriteFile(log, errs.Bytes(), 0o600))
	}
	return got.Figures, nil
}

func (r *run) measures(ctx context.Context, id string) (figures, error) {
	return r.story(ctx, id, "-bench", "-tools", r.tools, "-reps", fmt.Sprint(r.reps))
}

// list is a figure that was measured several times; none where it is missing.
func (f figures) list(name string) []float64 {
	var out []float64
	_ = json.Unmarshal(f[name], &out)
	return out
}

// number is a figure that was measured once.
func (f figures) number(name string) (float64, bool) {
	var out *float64
	if json.Unmarshal(f[name], &out) != nil || out == nil {
		return 0, false
	}
	return *out, true
}
