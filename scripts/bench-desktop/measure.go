//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// sample is one thing measured several times, in ms.
type sample []float64

func (s sample) at(p float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

// figures are what is known of one contender.
type figures struct {
	shown, early view
	first        sample
	work         map[string]*worked
	failed       []string
}

// view is how late a picture is, and a key's: shown by the browser, or early,
// on the page's canvas.
type view struct {
	glass, rtt sample
	painted    int
}

// worked is one kind of work on the screen.
type worked struct {
	rates
	behind  sample
	painted int
	mode    string
}

// rates are means over rounds.
type rates struct {
	kbit, shown float64 // a second
	cpu         float64 // of a core
	rounds      int
}

// turn adds a round: so many bytes and pictures, and processor time, in took.
func (r *rates) turn(bytes, pictures int, cpu, took time.Duration) {
	mean := func(old, now float64) float64 { return (old*float64(r.rounds) + now) / float64(r.rounds+1) }
	r.kbit = mean(r.kbit, float64(bytes)*8/1000/took.Seconds())
	r.shown = mean(r.shown, float64(pictures)/took.Seconds())
	r.cpu = mean(r.cpu, cpu.Seconds()/took.Seconds())
	r.rounds++
}

// run is what the measuring shares.
type run struct {
	ctx     context.Context //nolint:containedctx // the run's
	at      place
	painter *painter
	browser *browser
	all     []*contender
	got     map[string]*figures
}

func (r *run) of(c *contender) *figures {
	f, ok := r.got[c.name]
	if !ok {
		f = &figures{work: map[string]*worked{}}
		r.got[c.name] = f
	}
	return f
}

// look opens a contender's page and waits for its picture. The others' servers
// have to be still: each is told of all that is painted.
func (r *run) look(c *contender) error {
	for _, other := range r.all {
		s := syscall.SIGSTOP
		if other == c {
			s = syscall.SIGCONT
		}
		if other.name != ours { // a node that shows nobody anything is still by itself
			_ = syscall.Kill(other.device, s)
		}
	}
	url, err := c.open(r.ctx)
	if err != nil {
		return err
	}
	if _, err := r.browser.do("open", map[string]any{"url": url}); err != nil {
		return err
	}
	r.painter.next()
	if _, err := r.browser.do("ready", nil); err != nil {
		return err
	}
	rest(r.ctx, 700*time.Millisecond)
	return nil
}

func (r *run) leave() { _, _ = r.browser.do("close", nil) }

// delays are the times from a number's painting to its being seen.
func (r *run) delays(list []seen) (out sample) {
	for _, s := range list {
		if painted, ok := r.painter.when(uint16(s[0])); ok {
			out = append(out, float64(stamp(s[1]).Sub(painted))/float64(time.Millisecond))
		}
	}
	return out
}

// glass measures from glass to glass, then keys there and back.
func (r *run) glass(c *contender, early bool, length time.Duration, keys int) error {
	if err := r.look(c); err != nil {
		return err
	}
	defer r.leave()
	v := &r.of(c).shown
	if early {
		v = &r.of(c).early
		if _, err := r.browser.do("early", nil); err != nil {
			return err
		}
	}
	r.painter.forget()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); r.painter.ticks(stop) }()
	got, err := r.browser.do("watch", map[string]any{"ms": length.Milliseconds()})
	close(stop)
	<-done
	if err != nil {
		return err
	}
	v.glass = append(v.glass, r.delays(got.Seen)...)
	v.painted += r.painter.count()
	fmt.Printf("        glass %.1f ms, p95 %.1f, so far\n", v.glass.at(0.5), v.glass.at(0.95))
	r.painter.listen(true)
	defer r.painter.listen(false)
	rest(r.ctx, 300*time.Millisecond)
	got, err = r.browser.do("keys", map[string]any{"n": keys})
	v.rtt = append(v.rtt, got.RTT...)
	return err
}

// working measures while something happens on the screen. A number is painted
// with each step, so what is seen of the numbers is what is seen of the work.
func (r *run) working(c *contender, w *work, length time.Duration) error {
	if err := r.look(c); err != nil {
		return err
	}
	defer r.leave()
	stop := w.play(r.painter.next)
	rest(r.ctx, time.Second)
	r.painter.forget()
	before, err := sent(r.ctx, r.at.viewer, c.port)
	cpu := spent(c.device)
	began := time.Now()
	var got answer
	if err == nil {
		got, err = r.browser.do("watch", map[string]any{"ms": length.Milliseconds()})
	}
	took := time.Since(began)
	cpu = spent(c.device) - cpu
	after, err2 := sent(r.ctx, r.at.viewer, c.port)
	quality, _ := r.browser.do("quality", nil)
	stop()
	if err != nil || err2 != nil {
		return errors.Join(err, err2)
	}
	f := r.of(c)
	o, ok := f.work[w.name]
	if !ok {
		o = &worked{}
		f.work[w.name] = o
	}
	delays := r.delays(got.Seen)
	o.behind = append(o.behind, delays...)
	o.turn(int(after-before), len(delays), cpu, took)
	o.painted += r.painter.count()
	o.mode = quality.Mode
	return nil
}
