package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// sample is one thing measured several times.
type sample []time.Duration

func (s *sample) add(d time.Duration) { *s = append(*s, d) }

// at gives the value below which the share p of the sample lies.
func (s sample) at(p float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

func (s sample) median() time.Duration { return s.at(0.5) }

func (s sample) String() string {
	return fmt.Sprintf("%s (p95 %s, %d runs)", short(s.median()), short(s.at(0.95)), len(s))
}

func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func rate(s sample) string {
	return fmt.Sprintf("%.0f MB/s", outputSize/1e6/s.median().Seconds())
}

// report is everything measured in one run.
type report struct {
	runs int
	idle time.Duration

	shell, ssh             sample
	shellOutput, sshOutput sample
	join                   sample
	core                   float64 // share of one core
	rss, binary            int64   // bytes
}

// text is the report as docs/benchmarks.md.
func (r *report) text(ctx context.Context, s *sshd) (string, error) {
	ssh, err := s.version(ctx)
	if err != nil {
		return "", err
	}
	ratio := float64(r.shell.median()) / float64(r.ssh.median())
	const mb = 1e6
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

Written by `+"`make bench`"+`, %s: %s, %d cores, %s, %s. Both sides on loopback in one run, their runs alternating; medians.

| what | warren | %s | bar | |
|---|---|---|---|---|
`, time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), kernel(), runtime.Version(), ssh)
	row := func(what, ours, theirs, bar, verdict string) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", what, ours, theirs, bar, verdict)
	}
	row("a command on a warm node: `shell d -- true`, `ssh d true`", r.shell.String(), r.ssh.String(),
		"at most 0.5 of OpenSSH", verdict(ratio, 0.5, "%.2f"))
	row("20 MB of output, compared byte by byte", rate(r.shellOutput), rate(r.sshOutput), "whole", "met")
	row("join link to first pong, approved at once", r.join.String(), "", "at most 3 s", verdict(r.join.median().Seconds(), 3, "%.2f s"))
	row("idle device, resident memory", fmt.Sprintf("%.1f MB", float64(r.rss)/mb), "", "at most 60 MB", verdict(float64(r.rss)/mb, 60, "%.1f MB"))
	row(fmt.Sprintf("idle device, processor over %s", r.idle), fmt.Sprintf("%.2f %% of a core", r.core*100), "", "at most 0.5 %", verdict(r.core*100, 0.5, "%.2f %%"))
	row("the binary", fmt.Sprintf("%.1f MB", float64(r.binary)/mb), "", "at most 60 MB", verdict(float64(r.binary)/mb, 60, "%.1f MB"))
	b.WriteString(`
How: ` + "`scripts/bench`" + ` starts ` + "`warren demo`" + ` and an sshd of its own with an Ed25519 key, without PAM and with an empty home folder, so that no shell's start-up file counts. Every command is a new process on both sides; OpenSSH opens a connection each time, warren a session through the running nodes. Joining is timed from ` + "`warren join`" + ` to the first pong at the technician's node, with the node's start in between. Processor time is counted in ticks of 10 ms.
`)
	return b.String(), nil
}

// verdict tells whether a figure keeps its bar, and by how much.
func verdict(got, bar float64, format string) string {
	if got <= bar {
		return "met: " + fmt.Sprintf(format, got)
	}
	return fmt.Sprintf("**missed**: "+format+", %.1f times the bar", got, got/bar)
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
