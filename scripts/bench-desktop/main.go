//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	warren := flag.String("warren", "bin/warren", "the program under test")
	out := flag.String("out", "docs/benchmarks-desktop.md", "where the results go")
	rounds := flag.Int("rounds", 3, "how often each contender has its turn")
	quick := flag.Bool("quick", false, "short turns, to try the bench itself")
	only := flag.String("only", "", "one contender alone: warren")
	part := flag.String("part", "", "one part alone: glass, work, thin or device")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bench(ctx, *warren, *out, *rounds, *quick, *only, *part)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-desktop:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, program, out string, rounds int, quick bool, only, part string) error {
	warren, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "warren-bench-desktop-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithCancel(ctx)
	kids := &children{ctx: ctx, dir: dir}
	defer kids.wait()
	defer cancel()

	report := &report{thinWhy: "not asked for"}
	if part != "thin" && part != "device" {
		if report.near, err = near(ctx, kids, warren, dir, rounds, quick, only, part); err != nil {
			return err
		}
	}
	if only == "" && (part == "" || part == "thin") {
		if report.thin, err = atThinLink(ctx, kids, warren, dir, quick); err != nil {
			report.thinWhy = err.Error()
		}
	}
	if part == "" || part == "device" { // last: what it starts stays on one core
		length := 20 * time.Second
		if quick {
			length = 6 * time.Second
		}
		if report.alone, err = alone(ctx, kids, warren, max(1, rounds/2), length); err != nil {
			report.alone = &filmed{why: err.Error()}
		}
		fmt.Print("device alone: ", report.alone.text())
	}
	return os.WriteFile(out, []byte(report.text()), 0o644) //nolint:gosec // a page of the manual
}

// near measures with all on this machine.
func near(ctx context.Context, kids *children, warren, dir string, rounds int, quick bool, only, part string) (map[string]*figures, error) {
	return atPlace(ctx, kids, place{address: "127.0.0.1", loopback: true}, warren, ":87", 46200, func(r *run, m *mesh, all []*contender, display string) error {
		if only != "" {
			all = slices.DeleteFunc(all, func(c *contender) bool { return c.name != only })
		}
		length, keys, span := 8*time.Second, 75, 6*time.Second
		if quick {
			length, keys, span = 3*time.Second, 5, 3*time.Second
		}
		if part == "work" {
			return r.works(all, display, dir, span, max(1, rounds/2), 0)
		}
		for round := range rounds {
			for _, c := range all {
				for _, early := range []bool{false, true} {
					fmt.Printf("round %d: %s\n", round+1, c.name)
					if err := r.glass(c, early, length, keys); err != nil {
						r.fail(c, err)
					}
				}
			}
			if all[0].name == ours {
				r.first(m, all[0])
			}
		}
		if part == "glass" {
			return nil
		}
		return r.works(all, display, dir, span, max(1, rounds/2), 0)
	})
}

// atThinLink measures typing and scrolling where the two sides are far apart.
func atThinLink(ctx context.Context, kids *children, warren, dir string, quick bool) (map[string]*figures, error) {
	far, end, err := openWire(ctx, thin)
	if err != nil {
		return nil, err
	}
	defer end()
	span := 15 * time.Second
	if quick {
		span = 4 * time.Second
	}
	return atPlace(ctx, kids, far, warren, ":88", 46500, func(r *run, _ *mesh, all []*contender, display string) error {
		return r.works(all, display, dir, span, 1, 2)
	})
}

// fail notes why a turn came to nothing.
func (r *run) fail(c *contender, err error) {
	fmt.Println("        ", err)
	f := r.of(c)
	f.failed = append(f.failed, err.Error())
}

// first measures from the click on a warm node to the first picture.
func (r *run) first(m *mesh, c *contender) {
	url, err := m.devicePage(r.ctx, r.at)
	if err == nil {
		_, err = r.browser.do("open", map[string]any{"url": url})
	}
	defer r.leave()
	if err != nil {
		r.fail(c, err)
		return
	}
	r.painter.next()
	got, err := r.browser.do("click", map[string]any{"name": "Desktop"})
	if err != nil {
		r.fail(c, err)
		return
	}
	r.of(c).first = append(r.of(c).first, got.MS)
}

// works measures all kinds of work, each contender in turn.
func (r *run) works(all []*contender, display, dir string, length time.Duration, rounds, most int) error {
	kinds := []func() (*work, error){
		func() (*work, error) {
			return terminalWork(r.ctx, display, dir, "typing", 80*time.Millisecond, randomKey)
		},
		func() (*work, error) {
			return terminalWork(r.ctx, display, dir, "scrolling text", 33*time.Millisecond, randomLine)
		},
		func() (*work, error) { return dragWork(r.painter) },
		func() (*work, error) { return pictureWork(r.painter, 640, 360) },
		func() (*work, error) { return pictureWork(r.painter, 1920, 1080) },
	}
	if most > 0 {
		kinds = kinds[:most]
	}
	for _, kind := range kinds {
		w, err := kind()
		if err != nil {
			return err
		}
		for round := range rounds {
			for _, c := range all {
				fmt.Printf("%s, round %d: %s\n", w.name, round+1, c.name)
				if err := r.working(c, w, length); err != nil {
					r.fail(c, err)
				}
			}
		}
		w.end()
	}
	return nil
}

// atPlace sets up display, contenders and browser, and measures.
func atPlace(ctx context.Context, kids *children, at place, warren, display string, base int, do func(*run, *mesh, []*contender, string) error) (map[string]*figures, error) {
	p, err := kids.stage(ctx, display)
	if err != nil {
		return nil, err
	}
	defer p.close()
	p.next()
	m, err := kids.mesh(at, warren, display, base)
	if err != nil {
		return nil, err
	}
	all := []*contender{m.contender(at)}
	for i, kind := range []string{"TigerVNC", "x11vnc"} {
		c, err := kids.vnc(at, display, kind, base+120+i, base+130+i)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	b, err := openBrowser(ctx, at.viewer)
	if err != nil {
		return nil, err
	}
	defer b.close()
	rest(ctx, 2*time.Second) // the servers listen
	r := &run{ctx: ctx, at: at, painter: p, browser: b, all: slices.Clone(all), got: map[string]*figures{}}
	return r.got, do(r, m, all, display)
}

// stage starts a display, and gives who paints on it.
func (c *children) stage(ctx context.Context, display string) (p *painter, err error) {
	if _, err := c.start(nil, nil, "Xvfb", display, "-screen", "0", "1920x1080x24", "-nolisten", "tcp"); err != nil {
		return nil, err
	}
	err = within(ctx, 10*time.Second, func() (err error) {
		p, err = newPainter(display)
		return err
	})
	return p, err
}
