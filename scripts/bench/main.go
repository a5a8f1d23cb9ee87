package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

type options struct {
	warren string
	out    string
	runs   int
	idle   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.warren, "warren", "bin/warren", "the binary to measure")
	flag.StringVar(&o.out, "out", "docs/benchmarks.md", "where the report goes")
	flag.IntVar(&o.runs, "runs", 40, "how often each short thing is measured")
	flag.DurationVar(&o.idle, "idle", time.Minute, "how long the idle device is watched")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bench(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "warren-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	fmt.Println("starting a mesh and an sshd ...")
	m, err := startMesh(ctx, o.warren, dir)
	if err != nil {
		return err
	}
	defer m.stop()
	s, err := startSSH(ctx, dir)
	if err != nil {
		return err
	}
	defer s.stop()

	r := &report{runs: o.runs, idle: o.idle}
	steps := []struct {
		what string
		do   func(context.Context, *mesh, *sshd, *report) error
	}{
		{"a command", commands},
		{"20 MB of output", output},
		{"joining", joining},
		{"an idle device", idle},
		{"the binary", binary},
	}
	for _, step := range steps {
		fmt.Printf("measuring %s ...\n", step.what)
		if err := step.do(ctx, m, s, r); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	text, err := r.text(ctx, s)
	if err != nil {
		return err
	}
	fmt.Print(text)
	return os.WriteFile(o.out, []byte(text), 0o644)
}
