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
			e := begin(t, text, Options{Codec: VP9, Width: 320, Height: 200, Patience: 5 * time.Second})
			p := noise(320, 200, 1)
			for i, want := range []bool{true, false, true, false} {
				if i == 2 {
					if _, err := e.helper.commands.Write(order(c.what)); err != nil {
						t.Fatal(err)
					}
				}
				got, err := e.encode(t.Context(), p, time.Duration(i)*33*time.Millisecond)
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
		_, err = e.encode(t.Context(), p, 0)
	}
	for range 2 {
		if !errors.Is(err, ErrGivenUp) || !strings.Contains(err.Error(), "bad system call") {
			t.Fatalf("after %d deaths: %v", maxDeaths, err)
		}
		if _, err = e.Encode(t.Context(), 0, true); err == nil {
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
		if _, err := e.Encode(t.Context(), 0, false); err != nil {
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
	if _, err := e.encode(ctx, p, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("out of time: %v", err)
	}
	got, err := e.encode(t.Context(), p, 0)
	if err != nil || !got.Key || len(e.deaths) != 0 {
		t.Fatalf("after that: key %v, deaths %d, %v", got.Key, len(e.deaths), err)
	}
	hang()
	done := make(chan error)
	go func() {
		_, err := e.encode(context.Background(), p, 0)
		done <- err
	}()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := e.encode(t.Context(), p, 0); !errors.Is(err, ErrClosed) {
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
				got, err := e.encode(t.Context(), moving(640, 360, i), time.Duration(i)*33*time.Millisecond)
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
	if got := good.coded(); got != image.Pt(16, 16) {
		t.Errorf("coded as %v", got)
	}
}

func TestLay(t *testing.T) {
	e := begin(t, plain(t), Options{Codec: VP9, Width: 17, Height: 3})
	size := e.options.coded()
	p := noise(17, 3, 3)
	whole := image.Rect(0, 0, 17, 3)
	if err := e.Lay(whole, p.Pix, p.Stride); err != nil {
		t.Fatal(err)
	}
	if len(e.laid) != 1 || e.laid[0] != (image.Rectangle{Max: size}) {
		t.Errorf("laid %v", e.laid)
	}
	part := noise(2, 2, 4)
	if err := e.Lay(image.Rect(15, 1, 17, 3), part.Pix, part.Stride); err != nil {
		t.Fatal(err)
	}
	for y := range size.Y {
		for x := range size.X {
			ox, oy := min(x, 16), min(y, 2)
			want := p.Pix[oy*p.Stride+ox*4:][:4]
			if ox >= 15 && oy >= 1 {
				want = part.Pix[(oy-1)*part.Stride+(ox-15)*4:][:4]
			}
			if !bytes.Equal(e.shared.bytes[(y*size.X+x)*4:][:4], want) {
				t.Fatalf("pixel %d,%d", x, y)
			}
		}
	}
	e.laid = nil
	for i := range maxRects + 1 {
		if err := e.Lay(image.Rect(i%10, i%2, i%10+1, i%2+1), p.Pix, p.Stride); err != nil {
			t.Fatal(err)
		}
	}
	if len(e.laid) != 1 || e.laid[0] != image.Rect(0, 0, 10, 2) {
		t.Errorf("many: %v", e.laid)
	}
	for _, bad := range []image.Rectangle{{}, image.Rect(-1, 0, 3, 3), image.Rect(0, 0, 18, 3), image.Rect(0, 0, 17, 4)} {
		if e.Lay(bad, make([]byte, 1000), 72) == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	if e.Lay(whole, p.Pix, 67) == nil || e.Lay(whole, p.Pix[:203], p.Stride) == nil {
		t.Error("too few bytes are taken")
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
		case a.kind == isReady && len(a.body) == 0, a.kind == isPacket && len(a.body) <= limit && a.flags <= 1 && a.quarters <= 4, a.kind == isFailed && len(a.body) <= maxReason:
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
