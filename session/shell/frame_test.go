package shell

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"warren/session"
)

func TestFrames(t *testing.T) {
	for _, f := range []frame{
		{kind: frameStdout, channel: Stdout, offset: 1 << 40, data: []byte("x")},
		{kind: frameStderr, channel: Stderr, data: make([]byte, maxData)},
		{kind: frameStdin, channel: Stdin, offset: 7, data: []byte{0}},
		{kind: frameStdinEnd, offset: 9},
		{kind: frameResize, columns: 80, rows: maxSide},
		{kind: frameSignal, name: "USR1"},
		{kind: frameAck, channel: Stderr, offset: 1<<64 - 1},
		{kind: frameExit, code: 255, stdout: 1, stderr: 2},
		{kind: frameExit, code: -1, name: "KILL"},
	} {
		got, err := decode(f.encode())
		if err != nil {
			t.Errorf("%+v: %v", f.kind, err)
		}
		if diff := cmp.Diff(f, got, cmp.AllowUnexported(frame{})); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFramesRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":            {},
		"no such type":       {99},
		"data without data":  append([]byte{1}, make([]byte, 8)...),
		"data too short":     {1, 0},
		"too long":           make([]byte, session.MaxMessage+1),
		"short end":          {4, 0},
		"long end":           append([]byte{4}, make([]byte, 9)...),
		"short size":         {5, 0, 80, 0},
		"huge size":          {5, 0xff, 0xff, 0, 24},
		"nameless signal":    {6},
		"lower-case signal":  []byte("\x06int"),
		"long signal":        append([]byte{6}, bytes.Repeat([]byte("A"), 17)...),
		"ack of no channel":  append([]byte{7, 9}, make([]byte, 8)...),
		"short ack":          append([]byte{7, 1}, make([]byte, 7)...),
		"short exit":         append([]byte{8}, make([]byte, 19)...),
		"exit with bad name": append(append([]byte{8}, make([]byte, 20)...), "kill"...),
	} {
		if f, err := decode(b); !errors.Is(err, errFrame) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// TestWindows plays a device and a technician that break the rules of offsets
// and windows.
func TestWindows(t *testing.T) {
	s := newSender()
	if _, n, err := s.reserve(t.Context(), nil, window+1); n != window || err != nil {
		t.Fatalf("reserved %d, %v", n, err)
	}
	done := make(chan struct{})
	close(done)
	if _, _, err := s.reserve(t.Context(), done, 1); err == nil {
		t.Error("a full window gave room")
	}
	if err := s.ack(window + 1); !errors.Is(err, errFrame) {
		t.Errorf("acknowledging more than was sent gave %v", err)
	}
	if err := s.ack(10); err != nil {
		t.Fatal(err)
	}
	if err := s.ack(5); err != nil { // late, and nothing new
		t.Fatal(err)
	}
	if at, n, err := s.reserve(t.Context(), nil, 100); at != window || n != 10 || err != nil {
		t.Errorf("got %d bytes at %d, %v", n, at, err)
	}

	var r receiver
	data := func(offset uint64, n int) error {
		return r.take(frame{channel: Stdin, offset: offset, data: make([]byte, n)})
	}
	for _, step := range []struct {
		offset uint64
		n      int
		ok     bool
	}{{0, 10, true}, {0, 10, false}, {11, 1, false}, {10, window - 10, true}, {window, 1, false}} {
		if err := data(step.offset, step.n); (err == nil) != step.ok {
			t.Errorf("%d bytes at %d gave %v", step.n, step.offset, err)
		}
	}
	if _, due := r.consume(ackEvery - 1); due {
		t.Error("an acknowledgement came early")
	}
	if at, due := r.consume(1 << 30); !due || at != window { // no more than there was
		t.Errorf("acknowledges %d, %v", at, due)
	}
}

func FuzzFrame(f *testing.F) {
	for _, seed := range []frame{
		{kind: frameStdout, data: []byte("hello")},
		{kind: frameStdinEnd, offset: 5},
		{kind: frameResize, columns: 80, rows: 24},
		{kind: frameSignal, name: "INT"},
		{kind: frameAck, channel: Stdout, offset: 5},
		{kind: frameExit, code: 1, name: "KILL"},
	} {
		f.Add(seed.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decode(b)
		if err != nil {
			if !errors.Is(err, errFrame) {
				t.Fatalf("error %v does not wrap errFrame", err)
			}
			return
		}
		if again := got.encode(); !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x", b, again)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x0a\x02ls\x10\x01\x1a\x05xterm\x20\x50\x28\x18"))
	f.Add([]byte("\x32\x0b\x0a\x04LANG\x12\x03de_"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRequest(b)
		if err != nil {
			if !errors.Is(err, session.ErrInvalid) {
				t.Fatalf("error %v does not wrap ErrInvalid", err)
			}
			return
		}
		if r.columns == 0 || r.rows == 0 || r.columns > maxSide || r.rows > maxSide || r.term == "" {
			t.Fatalf("accepted %+v", r)
		}
		for _, v := range append(append([]string{}, r.argv...), r.environment...) {
			if bytes.ContainsRune([]byte(v), 0) {
				t.Fatalf("accepted a zero byte in %q", v)
			}
		}
	})
}
