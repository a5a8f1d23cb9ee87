//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"
)

type options struct {
	warren string
	run    string
	seed   int64
	short  bool
	list   bool
	keep   string
	bench  bool
	tools  string
	reps   int
	inside string // this process is the story of that name
}

func main() {
	var o options
	flag.StringVar(&o.warren, "warren", "bin/warren", "the binary to run")
	flag.StringVar(&o.run, "run", "", "only stories whose name matches this `pattern`")
	flag.Int64Var(&o.seed, "seed", 0, "what a story draws comes from here; 0 draws a seed")
	flag.BoolVar(&o.short, "short", false, "only the stories that make test tells too")
	flag.BoolVar(&o.list, "list", false, "name the stories and end")
	flag.StringVar(&o.keep, "keep", "", "copy the nodes' logs to this `folder`")
	flag.BoolVar(&o.bench, "bench", false, "the stories that measure, for scripts/bench")
	flag.StringVar(&o.tools, "tools", "", "with -bench: the `folder` where wireguard-go and engine are")
	flag.IntVar(&o.reps, "reps", 5, "with -bench: how often each thing is measured")
	flag.StringVar(&o.inside, "inside", "", "used by the lab itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := lab(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func lab(ctx context.Context, o options) error {
	if o.inside != "" {
		return inside(ctx, o)
	}
	pattern, err := regexp.Compile(o.run)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	var chosen []story
	for _, s := range stories() {
		if pattern.MatchString(s.id) && (s.short || !o.short) && s.bench == o.bench {
			chosen = append(chosen, s)
		}
	}
	if o.list {
		for _, s := range chosen {
			fmt.Printf("%-24s %s\n", s.id, s.about)
		}
		return nil
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no story matches %q; -list names them", o.run)
	}
	if err := able(); err != nil {
		return err
	}
	if o.warren, err = filepath.Abs(o.warren); err != nil {
		return err
	}
	if _, err := os.Stat(o.warren); err != nil {
		return fmt.Errorf("%w; try: make build", err)
	}
	if o.seed == 0 {
		o.seed = rand.Int64N(1_000_000) + 1 //nolint:gosec // no secret
	}
	var failed []string
	for _, s := range chosen {
		if err := tell(ctx, s, o); err != nil {
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			failed = append(failed, s.id)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d stories failed: %s; again with: go run ./scripts/lab -seed %d -run '^(%s)$'",
			len(failed), len(chosen), strings.Join(failed, ", "), o.seed, strings.Join(failed, "|"))
	}
	fmt.Fprintf(os.Stderr, "lab: %d stories, all as they should be\n", len(chosen))
	return nil
}

// able reports why this machine cannot run a lab.
func able() error {
	if os.Getuid() != 0 {
		return errors.New("network namespaces need root; try: sudo make lab")
	}
	for _, tool := range []string{"ip", "nft", "conntrack", "sysctl"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing; try: scripts/setup.sh base", tool)
		}
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("no TUN devices here: %w", err)
	}
	probe := exec.Command("true") //nolint:noctx // at once
	probe.SysProcAttr = apart()
	if err := probe.Run(); err != nil {
		return fmt.Errorf("no new namespaces here: %w", err)
	}
	return nil
}

// apart gives a process a network, mounts and a process tree of its own, all
// of which end with it, and it ends with this one.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
}

// tell runs one story in a process of its own.
func tell(ctx context.Context, s story, o options) error {
	// The death signal comes when the thread ends that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The story ends by itself; this is for one that hangs.
	ctx, cancel := context.WithTimeout(ctx, s.limit+20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-inside", s.id, "-warren", o.warren, "-seed", fmt.Sprint(o.seed), "-keep", o.keep, "-tools", o.tools, "-reps", fmt.Sprint(o.reps)) //nolint:gosec // this program
	cmd.SysProcAttr = apart()
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.Output()
	if !json.Valid(out) {
		err = errors.Join(err, errors.New("the story ended without a word"))
		out, _ = json.Marshal(result{ID: s.id, Seed: o.seed, Figures: map[string]any{}, Error: err.Error()})
		out = append(out, '\n')
	}
	_, _ = os.Stdout.Write(out)
	return err
}
