//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// names are the contenders in the order of the tables.
func names(got map[string]*figures) []string {
	var out []string
	for name := range got {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b string) int {
		return strings.Compare(strings.Replace(a, ours, "", 1), strings.Replace(b, ours, "", 1))
	})
	return out
}

const (
	ours  = "warren"
	rival = "TigerVNC + noVNC"
)

// frame is the time from one of the browser's frames to the next, in ms.
const frame = 1000. / 60

func glassOf(v *view) sample { return v.glass }
func rttOf(v *view) sample   { return v.rtt }

// report is everything measured in one run.
type report struct {
	near, thin map[string]*figures
	thinWhy    string // why there are no rows of a thin link
	alone      *filmed
}

func (r *report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# The desktop, measured

Written by `+"`make bench-desktop`"+`, %s: %s, %d cores that carry the watched machine, the technician's and the browser; %s; Xvfb 1920x1080, headless Chromium. All in one run, in turns; medians are compared.

## From glass to glass

A number is painted at random intervals of 40 to 73 ms, at all phases of the browser's frames alike, and read back from the page's canvas. There and back: a key is pressed in the page, at all phases too, and held for 80 ms; the program on the display paints, the page has it. The servers of those whose turn it is not stand still.

*Shown* reads at each of the browser's frames, 60 a second: what is there at once is seen after 8 ms in the median and 16 ms at p95, whoever sent it. *In the canvas* reads as soon as something was painted, in turns of their own: that is what a contender does itself, and what a quicker monitor shows.

| | shown: glass to glass, median | p95 | seen | key there and back, median | p95 | in the canvas: glass, median | p95 | key, median | p95 |
|---|---|---|---|---|---|---|---|---|---|
`, time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), kernel())
	for _, name := range names(r.near) {
		s, e := r.near[name].shown, r.near[name].early
		fmt.Fprintf(&b, "| %s | %s | %s | %d of %d | %s | %s | %s | %s | %s | %s |\n", name, ms(s.glass.at(0.5)), ms(s.glass.at(0.95)), len(s.glass), s.painted, ms(s.rtt.at(0.5)), ms(s.rtt.at(0.95)),
			ms(e.glass.at(0.5)), ms(e.glass.at(0.95)), ms(e.rtt.at(0.5)), ms(e.rtt.at(0.95)))
	}
	us, them := r.near[ours], r.near[rival]
	if us != nil && them != nil {
		b.WriteString("\n| warren beside TigerVNC + noVNC | bar | shown | | in the canvas | |\n|---|---|---|---|---|---|\n")
		for _, row := range []struct {
			what string
			of   func(*view) sample
			at   float64
			bar  float64
		}{
			{"glass to glass, median", glassOf, 0.5, 0.6},
			{"glass to glass, p95", glassOf, 0.95, 0.5},
			{"key there and back, median", rttOf, 0.5, 0.6},
			{"key there and back, p95", rttOf, 0.95, 0.5},
		} {
			fmt.Fprintf(&b, "| %s | at most %.1f |", row.what, row.bar)
			floor := row.at * frame
			for _, v := range [][2]*view{{&us.shown, &them.shown}, {&us.early, &them.early}} {
				mine, other := row.of(v[0]).at(row.at), row.of(v[1]).at(row.at)
				switch {
				case mine == 0 || other == 0:
					b.WriteString(" not measured | |")
				case v[0] == &us.shown && mine > row.bar*other && floor > row.bar*other:
					fmt.Fprintf(&b, " %.2f | **missed**: the bar is at %s, and the browser's frames take %s |", mine/other, ms(row.bar*other), ms(floor))
				default:
					fmt.Fprintf(&b, " %.2f | %s |", mine/other, verdict(mine/other, row.bar))
				}
			}
			b.WriteString("\n")
		}
	}
	if us != nil && len(us.first) > 0 {
		fmt.Fprintf(&b, "\nFirst picture after the click on a device's page, warm nodes: %s, the slowest of %d %s (bar: 300 ms, %s).\n", ms(us.first.at(0.5)), len(us.first), ms(us.first.at(1)), verdict(us.first.at(0.5), 300))
	}
	b.WriteString("\n## At work\n\nA number is painted with each step of the work, so *behind* is how late the page is, and *shown* how many of the steps it shows. Kilobits are what the page receives; processor is what the watched machine's server takes, its codec helper with it.\n")
	works(&b, r.near)
	if us != nil {
		if w := us.work["scrolling text"]; w != nil {
			fmt.Fprintf(&b, "\nScrolling, lossless: %.1f Mbit/s (bar: 5, %s).\n", w.kbit/1000, verdict(w.kbit/1000, 5))
		}
	}
	if r.alone != nil {
		b.WriteString("\n## Full motion, the device by itself\n\n1920x1080 of film, 30 pictures a second. The watched machine's node and its codec helper have one core; X server, painter, the technician's node and who looks have the other. Who looks acknowledges each frame at once and paints nothing.\n\n")
		b.WriteString(r.alone.text())
	}
	b.WriteString("\n## A thin link: 30 ms there and back, 1 % loss, 5 Mbit/s\n\n")
	if r.thin == nil {
		fmt.Fprintf(&b, "Not measured: %s.\n", r.thinWhy)
	} else {
		b.WriteString("Two network namespaces, and between them a program that holds packets back, loses and limits them, for TCP and UDP alike (`scripts/bench-desktop/wire.go`).\n")
		works(&b, r.thin)
		if f := r.thin[ours]; f != nil {
			for _, name := range []string{"typing", "scrolling text"} {
				if w := f.work[name]; w != nil {
					fmt.Fprintf(&b, "\nNever more than 250 ms behind at p95, %s: %s (%s).\n", name, ms(w.behind.at(0.95)), verdict(w.behind.at(0.95), 250))
				}
			}
		}
	}
	for _, got := range []map[string]*figures{r.near, r.thin} {
		for _, name := range names(got) {
			for _, why := range got[name].failed {
				fmt.Fprintf(&b, "\nA turn of %s came to nothing: %s.\n", name, why)
			}
		}
	}
	return b.String()
}

func works(b *strings.Builder, got map[string]*figures) {
	var kinds []string
	for _, f := range got {
		for kind := range f.work {
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	order := []string{"typing", "scrolling text", "window drag"}
	slices.SortFunc(kinds, func(a, c string) int {
		ia, ic := slices.Index(order, a), slices.Index(order, c)
		if ia < 0 || ic < 0 {
			return ic - ia
		}
		return ia - ic
	})
	b.WriteString("\n| work | | behind, median | p95 | shown a second | kbit/s | processor | sent as |\n|---|---|---|---|---|---|---|---|\n")
	for _, kind := range kinds {
		for _, name := range names(got) {
			w := got[name].work[kind]
			if w == nil {
				fmt.Fprintf(b, "| %s | %s | not measured | | | | | |\n", kind, name)
				continue
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %.1f | %.0f | %.0f %% of a core | %s |\n", kind, name, ms(w.behind.at(0.5)), ms(w.behind.at(0.95)), w.shown, w.kbit, w.cpu*100, w.mode)
		}
	}
}

func ms(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f ms", v)
}

func verdict(got, bar float64) string {
	if got <= bar {
		return "met"
	}
	return fmt.Sprintf("**missed**, %.1f times the bar", got/bar)
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return "Linux " + strings.TrimSpace(string(text))
}
