//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// story is one tale, told by a function in a file of its own.
type story struct {
	id    string
	about string
	limit time.Duration
	short bool // part of make test
	bench bool // measures for make bench, and is told there alone
	tell  func(*teller)
}

// result is the line a story ends with.
type result struct {
	ID      string         `json:"id"`
	Seed    int64          `json:"seed"`
	Pass    bool           `json:"pass"`
	Figures map[string]any `json:"figures"`
	Error   string         `json:"error,omitempty"`
}

// teller is what a story is told with. A step that does not go as it should
// ends the story.
type teller struct {
	ctx     context.Context //nolint:containedctx // the story's own life, so that its steps read as steps
	warren  string
	tools   string // folder of the programs that only bench stories run
	reps    int    // how often a bench story repeats
	dir     string
	rand    *rand.Rand
	began   time.Time
	figures map[string]any
	network network

	mu       sync.Mutex
	machines []*machine
}

// failure is how a step ends a story.
type failure struct{ error }

// inside is the life of the process that is one story.
func inside(ctx context.Context, o options) error {
	i := slices.IndexFunc(stories(), func(s story) bool { return s.id == o.inside })
	if i < 0 {
		return fmt.Errorf("no story %q", o.inside)
	}
	s := stories()[i]
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	t := &teller{
		ctx: ctx, warren: o.warren, tools: o.tools, reps: o.reps, dir: "/run/lab", began: time.Now(), figures: map[string]any{},
		rand: rand.New(rand.NewPCG(uint64(o.seed), 0)), //nolint:gosec // drawn to be repeated
	}
	fmt.Fprintf(os.Stderr, "\n== %s: %s (seed %d)\n", s.id, s.about, o.seed)
	err := t.run(s)
	if err != nil {
		t.say("FAILED: %v", err)
		t.logs()
	}
	t.end()
	if o.keep != "" {
		err = errors.Join(err, t.keep(o.keep))
	}
	r := result{ID: s.id, Seed: o.seed, Pass: err == nil, Figures: t.figures}
	if err != nil {
		r.Error = err.Error()
	}
	line, _ := json.Marshal(r)
	fmt.Println(string(line))
	return err
}

func (t *teller) run(s story) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	if err := furnish(t.dir); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	t.network.open(t)
	s.tell(t)
	return nil
}

// furnish gives the process its own /proc and /run.
func furnish(dir string) error {
	return errors.Join(
		syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
		syscall.Mount("proc", "/proc", "proc", 0, ""),
		syscall.Mount("tmpfs", "/run", "tmpfs", 0, "size=2g,mode=755"),
		os.Mkdir(dir, 0o700),
	)
}

// end stops what still runs.
func (t *teller) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.machines {
		m.kill()
	}
}

// keep copies the machines' own words out of the lab.
func (t *teller) keep(dir string) error {
	for _, m := range t.machines {
		text, err := os.ReadFile(m.log())
		if errors.Is(err, fs.ErrNotExist) {
			continue // was never up
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, m.name+".log"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// logs shows how the machines' own words ended.
func (t *teller) logs() {
	const last = 25
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.machines {
		text, err := os.ReadFile(m.log())
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		lines = lines[max(0, len(lines)-last):]
		fmt.Fprintf(os.Stderr, "-- the last words of %s:\n%s\n", m.name, strings.Join(lines, "\n"))
	}
}

// say tells the reader what happens.
func (t *teller) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%7.2fs  %s\n", time.Since(t.began).Seconds(), fmt.Sprintf(format, args...))
}

// fail ends the story.
func (t *teller) fail(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

// figure notes what was measured.
func (t *teller) figure(name string, value any) {
	if d, ok := value.(time.Duration); ok {
		name, value = name+"_ms", d.Milliseconds()
	}
	t.figures[name] = value
	t.say("%s: %v", name, value)
}

// bar notes a duration and ends the story if it is over the limit.
func (t *teller) bar(name string, took, limit time.Duration) {
	t.figure(name, took)
	if took > limit {
		t.fail("%s took %s, the bar is %s", name, took.Round(time.Millisecond), limit)
	}
}

// until waits for something to hold, and tells how long that took.
func (t *teller) until(limit time.Duration, what string, holds func() bool) time.Duration {
	began := time.Now()
	for !holds() {
		switch {
		case t.ctx.Err() != nil:
			t.fail("the story is over its time, waiting until %s", what)
		case time.Since(began) > limit:
			t.fail("not within %s: %s", limit, what)
		}
		t.pause(10 * time.Millisecond)
	}
	return time.Since(began)
}

// pause lets time pass.
func (t *teller) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.ctx.Done():
	}
}
