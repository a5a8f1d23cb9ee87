//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// benchModes measures the stack in this process against the kernel's. No verb
// carries a plain TCP stream in userspace mode, so the engine's own test
// program does in both, with the limits a node gives the collector.
func benchModes() story {
	return story{
		id: "bench-modes", about: "TCP by the engine in userspace mode beside kernel mode", limit: 3 * time.Minute, bench: true,
		tell: func(t *teller) {
			modes := []struct {
				name, flag, memory string
				from               *engine
			}{
				{name: "kernel", flag: "-device=warren0", memory: "512MiB"},
				{name: "userspace", flag: "-userspace", memory: "256MiB"},
			}
			for i := range modes {
				mode := &modes[i]
				mode.from = t.engines(mode.name[:1], mode.flag, mode.memory)
				mode.from.ask("tcp b", "tcp hello")
			}
			rates := map[string][]float64{}
			for round := range t.reps {
				for _, mode := range modes {
					var got float64
					answer := mode.from.ask("rate b 4", "rate ")
					if _, err := fmt.Sscanf(answer, "rate %f", &got); err != nil {
						t.fail("%q: %w", answer, err)
					}
					rates[mode.name] = append(rates[mode.name], got)
					t.say("round %d of %d: %s mode %.0f Mbit/s", round+1, t.reps, mode.name, got)
				}
			}
			for _, mode := range modes {
				t.sample(mode.name+"_mbit", rates[mode.name])
			}
		},
	}
}

// engine is a running mesh/engine/testdata/lab.
type engine struct {
	t   *teller
	in  io.Writer
	out *bufio.Scanner
}

// engines starts two that know each other, in namespaces of their own, and
// gives the first.
func (t *teller) engines(prefix, flag, memory string) *engine {
	place := t.internet()
	var address [2]string
	names := [2]string{"a", "b"}
	for i, name := range names {
		t.namespace(prefix + name)
		t.network.last++
		address[i] = t.plug(prefix+name, "eth0", place, t.network.last)
	}
	var first *engine
	for i, name := range names {
		other := 1 - i
		cmd := exec.CommandContext(t.ctx, "ip", "netns", "exec", prefix+name, filepath.Join(t.tools, "engine"), //nolint:gosec // built for this
			"-name", name, "-port", "41820", flag, "-peers", names[other]+"@"+address[other]+":41820")
		cmd.Env = append(os.Environ(), "GOMEMLIMIT="+memory)
		cmd.Stderr = os.Stderr
		in, err1 := cmd.StdinPipe()
		out, err2 := cmd.StdoutPipe()
		if err1 != nil || err2 != nil {
			t.fail("pipes of %s: %w %w", name, err1, err2)
		}
		if err := cmd.Start(); err != nil { // ends with the story
			t.fail("start %s: %w", name, err)
		}
		e := &engine{t: t, in: in, out: bufio.NewScanner(out)}
		e.wait("ready")
		if first == nil {
			first = e
		}
	}
	return first
}

// ask gives a command and wants an answer that begins so.
func (e *engine) ask(command, begins string) string {
	fmt.Fprintln(e.in, command)
	return e.wait(begins)
}

func (e *engine) wait(begins string) string {
	if !e.out.Scan() {
		e.t.fail("an engine ended, waiting for %q", begins)
	}
	line := e.out.Text()
	if len(line) < len(begins) || line[:len(begins)] != begins {
		e.t.fail("an engine said %q, not %q", line, begins)
	}
	return line
}
