//go:build linux

package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// attempts are what sandbox/tries.h has the helper do.
func attempts() map[byte]string {
	return map[byte]string{
		'o': "open a file", 'w': "make a file", 's': "open a socket", 'u': "open a Unix socket", 'x': "run a program", 'f': "fork",
		'k': "signal its parent", 'p': "trace", 'r': "read its parent's memory", 'm': "make memory that runs", 't': "start a thread later", 'b': "read another file",
	}
}

// TestHelperCannot: each attempt is the helper's end.
func TestHelperCannot(t *testing.T) {
	text := trying(t)
	for what, says := range attempts() {
		t.Run(strings.ReplaceAll(says, " ", "-"), func(t *testing.T) {
			e := begin(t, text, Options{Codec: VP9, Width: 64, Height: 64, Threads: 2})
			if _, err := e.Encode(t.Context(), 0, false); err != nil {
				t.Fatal(err)
			}
			a, err := e.helper.ask(t.Context(), order(what), e.options.Patience, maxPacket)
			if err == nil {
				t.Fatalf("it could %s: %v", says, a)
			}
			if err := e.bury(err); !strings.Contains(err.Error(), "bad system call") {
				t.Errorf("to %s ended with %v, want a bad system call", says, err)
			}
		})
	}
}

// TestWithoutSeccomp: files stay out of reach without the filter too, and a
// helper that is not confined is not used.
func TestWithoutSeccomp(t *testing.T) {
	text := build(t, "-DTRIES", "-DWITHOUT_SECCOMP")
	o := Options{Codec: VP9, Width: 64, Height: 64}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t.Context(), o, text); err == nil || !strings.Contains(err.Error(), "not confined") {
		t.Errorf("a helper without seccomp: %v", err)
	}
	p, err := newProgram(text)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.close() }()
	s, err := newShared(64 * 64 * 4)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	for _, what := range []byte("owsu") {
		h, err := p.run(s)
		if err != nil {
			t.Fatal(err)
		}
		ready, err := h.ask(t.Context(), startMessage(o), o.Patience, 0)
		if err != nil {
			t.Fatal(err)
		}
		if held(ready.flags)&heldUser == 0 {
			t.Errorf("the helper says it holds %b", ready.flags)
		}
		// The helper has no room for one more open file, whatever it is.
		a, err := h.ask(t.Context(), order(what), o.Patience, maxPacket)
		if err != nil || a.flags != 0 {
			t.Errorf("to %s without seccomp: %+v, %v", attempts()[what], a, err)
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"NoNewPrivs:\t1", "CapEff:\t0000000000000000"} {
			if !strings.Contains(string(status), want) {
				t.Errorf("no %q in its status", want)
			}
		}
		if os.Geteuid() == 0 && !strings.Contains(string(status), "Uid:\t65534\t65534\t65534\t65534") {
			t.Errorf("it is not nobody:\n%s", status)
		}
		h.end()
	}
}

// TestHelperDiesWithItsParent: even one that never reads again.
func TestHelperDiesWithItsParent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(path, trying(t), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestParent$", "-test.v")
	cmd.Env = append(os.Environ(), "CODEC_TEST_HELPER="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	pid := 0
	var said bytes.Buffer
	for b := make([]byte, 1); pid == 0; {
		if _, err := out.Read(b); err != nil {
			t.Fatalf("the parent said only %q", said.String())
		}
		said.Write(b)
		if _, line, ok := strings.Cut(said.String(), "helper is "); ok && strings.HasSuffix(line, "\n") {
			pid, _ = strconv.Atoi(strings.TrimSpace(line))
		}
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("no helper %d: %v", pid, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("the helper outlived its parent: %s", stat)
		}
	}
}

// TestParent is the parent of the test above, in a process of its own.
func TestParent(t *testing.T) {
	path := os.Getenv("CODEC_TEST_HELPER")
	if path == "" {
		t.Skip("started by TestHelperDiesWithItsParent")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e := begin(t, text, Options{Codec: VP9, Width: 64, Height: 64, Patience: time.Hour})
	if _, err := e.helper.commands.Write(order('h')); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("helper is %d\n", e.helper.process.Pid)
	_, _ = e.Encode(context.Background(), 0, false)
}

// TestHelperTakesAnything: whatever is sent, it answers, or ends by itself.
func TestHelperTakesAnything(t *testing.T) {
	text := plain(t)
	p, err := newProgram(text)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.close() }()
	s, err := newShared(64 * 64 * 4)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		o := Options{Codec: Codec(1 + seed%2), Width: 64, Height: 64, Threads: 1, Kbit: 500}
		message := startMessage(o)
		if seed%3 == 0 { // a start with one wrong byte
			message[r.IntN(len(message))] ^= byte(1 + r.IntN(255))
		}
		for range r.IntN(12) {
			c := make([]byte, 8)
			c[0], c[1] = "EEEEEBBX"[r.IntN(8)], byte(r.IntN(3))
			n := r.IntN(4)
			if r.IntN(8) == 0 {
				n = r.IntN(1 << 16)
			}
			binary.LittleEndian.PutUint16(c[2:], uint16(n))
			binary.LittleEndian.PutUint32(c[4:], r.Uint32()>>r.IntN(32))
			message = append(message, c...)
			for range min(n, 300) * 4 {
				message = binary.LittleEndian.AppendUint16(message, uint16(r.UintN(1<<16)>>(8+r.IntN(8))))
			}
		}
		h, err := p.run(s)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = h.commands.Write(message)
			_ = h.commands.Close()
		}()
		_ = h.answers.SetReadDeadline(time.Now().Add(time.Minute))
		for err = nil; err == nil; {
			_, err = readAnswer(h.answers, maxPacket)
		}
		select {
		case <-h.over:
		case <-time.After(time.Minute):
			t.Fatalf("seed %d: it did not end: %v", seed, err)
		}
		if h.state != nil && !strings.Contains(h.state.Error(), "exit status") {
			t.Errorf("seed %d: it ended with %v", seed, h.state)
		}
		h.end()
	}
}
