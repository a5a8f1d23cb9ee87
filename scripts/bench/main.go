package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

type options struct {
	warren string
	out    string
	only   string
	runs   int
	reps   int
	idle   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.warren, "warren", "bin/warren", "the binary to measure")
	flag.StringVar(&o.out, "out", "docs/benchmarks.md", "where the report goes")
	flag.StringVar(&o.only, "only", "", "only the steps whose name matches this `pattern`; the report is printed, not written")
	flag.IntVar(&o.runs, "runs", 40, "how often each short thing is measured")
	flag.IntVar(&o.reps, "reps", 7, "how often each thing is measured that takes seconds")
	flag.DurationVar(&o.idle, "idle", time.Minute, "how long the idle device is watched")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// step measures some rows. Those that it does not add are told as not measured.
type step struct {
	name  string
	limit time.Duration
	rows  []string
	do    func(context.Context, *run, *report) error
}

// run is what the steps share.
type run struct {
	options

	dir   string // on a disk, gone in the end
	short string // with a path that sockets fit in, likewise
	tools string // in dir
	mesh  *mesh
	sshd  *sshd
	peers []string // with their versions
}

func bench(ctx context.Context, o options) (err error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	r := &run{options: o}
	defer func() { err = errors.Join(err, r.stop()) }()
	if err := r.folders(); err != nil {
		return err
	}

	out := &report{}
	began := time.Now()
	for _, s := range steps() {
		if !only.MatchString(s.name) {
			continue
		}
		fmt.Printf("%6.0fs  measuring %s ...\n", time.Since(began).Seconds(), s.name)
		within, cancel := context.WithTimeout(ctx, s.limit)
		err := s.do(within, r, out)
		switch {
		case ctx.Err() != nil:
			cancel()
			return errors.New("interrupted")
		case within.Err() != nil:
			err = fmt.Errorf("it was not done within %s", s.limit)
		}
		cancel()
		out.missing(s.rows, err)
	}
	fmt.Printf("%6.0fs  done\n\n", time.Since(began).Seconds())
	text := out.text(r.peers)
	fmt.Print(text)
	if o.only != "" {
		return nil
	}
	below, err := sections(o.out)
	if err != nil {
		return err
	}
	return os.WriteFile(o.out, []byte(text+below), 0o644)
}

func (r *run) folders() (err error) {
	if r.short, err = os.MkdirTemp("", "warren-bench-"); err != nil {
		return err
	}
	// The system's folder for temporary files may be in memory.
	if err = os.MkdirAll("bin", 0o755); err != nil {
		return err
	}
	if r.dir, err = os.MkdirTemp("bin", "bench-"); err != nil {
		return err
	}
	r.dir, err = filepath.Abs(r.dir)
	return err
}

func (r *run) stop() error {
	if r.mesh != nil {
		r.mesh.stop()
	}
	if r.sshd != nil {
		r.sshd.stop()
	}
	var errs []error
	for _, dir := range []string{r.short, r.dir} {
		if dir != "" {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

func steps() []step {
	const minute = time.Minute
	return []step{
		{"a demo and an sshd", 2 * minute, nil, begin},
		{"a command", 2 * minute, []string{rowCommand}, commands},
		{"20 MB of output", 2 * minute, []string{rowOutput}, output},
		{"joining", minute, []string{rowJoin}, joining},
		{"an idle device", 3 * minute, []string{rowMemory, rowProcessor}, idle},
		{"the binary", minute, []string{rowBinary}, binary},
		{"tools for the lab", 3 * minute, nil, tools},
		{"the tunnel", 4 * minute, []string{rowTCP, rowPing}, tunnel},
		{"userspace mode", 3 * minute, []string{rowUserspace}, modes},
		{"keystrokes", 2 * minute, []string{rowKeyMedian, rowKeyWorst}, keys},
		{"three controllers", 3 * minute, []string{rowCommit, rowWrites, rowLeaderless, rowLeaderlessWorst}, controllers},
		{"a change by a person", 2 * minute, []string{rowInvite}, invites},
		{"shells without controllers", 3 * minute, []string{rowOrphans}, orphans},
		{"revocation", 3 * minute, []string{rowRevoked, rowRevokedGossip}, revocation},
		{"a direct path", 3 * minute, []string{rowDirect}, direct},
		{"the plan", 2 * minute, []string{rowPlan}, planFor},
	}
}
