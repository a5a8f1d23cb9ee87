package codec

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestHelperIsReplaced: crash, hang, nonsense. The next picture is a key, and
// the one after it is none.
func TestHelperIsReplaced(t *testing.T) {
	text := trying(t)
	for _, c := range []struct {
		what byte
		says string
	}{{'c', "crash"}, {'h', "hang"}, {'g', "garbage"}, {'l', "too long"}} {
		t.Run(c.says, func(t *testing.T) {
			e := begin(t, text, Options{Codec: VP9, Width: 320, Height: 200, Patience: 3 * time.Second})
			p := noise(320, 200, 1)
			for i, want := range []bool{true, false, true, false} {
				if i == 2 {
					if _, err := e.helper.commands.Write(order(c.what)); err != nil {
						t.Fatal(err)
					}
				}
				got, err := e.Encode(t.Context(), p, nil, time.Duration(i)*33*time.Millisecond, false)
				if err != nil {
					t.Fatalf("picture %d: %v", i, err)
				}
				if got.Key != want {
					t.Errorf("picture %d: key %v, want %v", i, got.Key, want)
				}
			}
			if e.started != 2 {
				t.Errorf("%d helpers, want 2", e.started)
			}
		})
	}
}

func TestGivenUp(t *testing.T) {
	e := begin(t, trying(t), Options{Codec: VP9, Width: 64, Height: 64})
	p := noise(64, 64, 1)
	var err error
	for i := range maxDeaths {
		if err != nil {
			t.Fatalf("death %d: %v", i, err)
		}
		if _, err := e.helper.commands.Write(order('o')); err != nil {
			t.Fatal(err)
		}
		_, err = e.Encode(t.Context(), p, nil, 0, false)
	}
	for range 2 {
		if !errors.Is(err, ErrGivenUp) || !strings.Contains(err.Error(), "bad system call") {
			t.Fatalf("after %d deaths: %v", maxDeaths, err)
		}
		if _, err = e.Encode(t.Context(), p, nil, 0, true); err == nil {
			t.Fatal("it went on")
		}
	}
	if e.started != maxDeaths {
		t.Errorf("%d helpers", e.started)
	}
}

// TestDeathsAreForgotten: what is long ago does not count.
func TestDeathsAreForgotten(t *testing.T) {
	e := begin(t, trying(t), Options{Codec: VP9, Width: 64, Height: 64})
	for i := range 2 * maxDeaths {
		if _, err := e.helper.commands.Write(order('c')); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Encode(t.Context(), noise(64, 64, 1), nil, 0, false); err != nil {
			t.Fatalf("death %d: %v", i, err)
		}
		for j := range e.deaths {
			e.deaths[j] = e.deaths[j].Add(-deathWindow)
		}
	}
}

func TestEndInTheMiddle(t *testing.T) {
	text := trying(t)
	before := runtime.NumGoroutine()
	p := noise(64, 64, 1)
	e := begin(t, text, Options{Codec: VP9, Width: 64, Height: 64, Patience: time.Hour})
	hang := func() {
		t.Helper()
		if _, err := e.helper.commands.Write(order('h')); err != nil {
			t.Fatal(err)
		}
	}
	hang()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := e.Encode(ctx, p, nil, 0, false); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("out of time: %v", err)
	}
	got, err := e.Encode(t.Context(), p, nil, 0, false)
	if err != nil || !got.Key || len(e.deaths) != 0 {
		t.Fatalf("after that: key %v, deaths %d, %v", got.Key, len(e.deaths), err)
	}
	hang()
	done := make(chan error)
	go func() {
		_, err := e.Encode(context.Background(), p, nil, 0, false)
		done <- err
	}()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := e.Encode(t.Context(), p, nil, 0, false); !errors.Is(err, ErrClosed) {
		t.Errorf("closed before: %v", err)
	}
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestRateChanges(t *testing.T) {
	text := plain(t)
	for _, c := range []Codec{VP9, AV1} {
		e := begin(t, text, Options{Codec: c, Width: 640, Height: 360, Kbit: 8000})
		size := func(kbit int) (n int) {
			e.SetBitrate(kbit)
			for i := range 40 {
				got, err := e.Encode(t.Context(), moving(640, 360, i), []image.Rectangle{image.Rect(0, 0, 640, 360)}, time.Duration(i)*33*time.Millisecond, false)
				if err != nil {
					t.Fatal(err)
				}
				if i >= 20 {
					n += len(got.Bytes)
				}
			}
			return n
		}
		if much, little := size(8000), size(500); little*2 > much {
			t.Errorf("%v: %d bytes at 8000 kbit/s, %d at 500", c, much, little)
		}
		if e.started != 1 {
			t.Errorf("%v: %d helpers", c, e.started)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Codec: VP9, Width: 10, Height: 10}
	for says, spoil := range map[string]func(*Options){
		"codec 0": func(o *Options) { o.Codec = 0 }, "codec 3": func(o *Options) { o.Codec = 3 },
		"0 x 10": func(o *Options) { o.Width = 0 }, "10 x 8193": func(o *Options) { o.Height = 8193 },
		"threads": func(o *Options) { o.Threads = 17 }, "kbit/s": func(o *Options) { o.Kbit = -1 },
	} {
		o := good
		spoil(&o)
		if _, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if w, h := good.coded(); w != 16 || h != 16 {
		t.Errorf("coded as %d x %d", w, h)
	}
}

func TestLay(t *testing.T) {
	const w, h = 18, 16 // of 17 x 3
	p := noise(17, 3, 3)
	shared := make([]byte, w*h*4)
	if got := lay(shared, w, h, p, []image.Rectangle{image.Rect(-5, -5, 99, 99), image.Rect(20, 0, 30, 3)}); len(got) != 1 || got[0] != image.Rect(0, 0, w, h) {
		t.Errorf("laid %v", got)
	}
	for y := range h {
		for x := range w {
			from := min(y, 2)*p.Stride + min(x, 16)*4
			if !bytes.Equal(shared[(y*w+x)*4:][:4], p.Pix[from:from+4]) {
				t.Fatalf("pixel %d,%d", x, y)
			}
		}
	}
	var many []image.Rectangle
	for i := range maxRects + 1 {
		many = append(many, image.Rect(i%10, i%2, i%10+2, i%2+1))
	}
	if got := lay(shared, w, h, p, many); len(got) != 1 || got[0] != image.Rect(0, 0, 11, 2) {
		t.Errorf("many: %v", got)
	}
	for _, bad := range []Picture{{Width: 17, Height: 2}, {Width: 17, Height: 3, Stride: 67, Pix: p.Pix}, {Width: 17, Height: 3, Stride: 68, Pix: p.Pix[:200]}} {
		if bad.check(17, 3) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("R\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("P\x01\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00abc"))
	f.Add([]byte("F\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1b["))
	f.Add([]byte("P\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 16
		from := bytes.NewReader(b)
		a, err := readAnswer(from, limit)
		if err != nil {
			return
		}
		switch {
		case a.kind == isReady && len(a.body) == 0, a.kind == isPacket && len(a.body) <= limit && a.flags <= 1, a.kind == isFailed && len(a.body) <= maxReason:
		default:
			t.Errorf("%+v", a)
		}
		if rest, _ := io.ReadAll(from); len(rest)+answerSize+len(a.body) != len(b) {
			t.Errorf("%d bytes of %d are gone", len(b)-len(rest), len(b))
		}
		if strings.ContainsAny(a.reason(), "\x00\x1b\n") {
			t.Errorf("reason %q", a.reason())
		}
	})
}
