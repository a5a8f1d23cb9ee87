package codec

import (
	"context"
	"errors"
	"image"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// build compiles the helper with flags of its own; without a compiler or the
// libraries there is nothing to test.
func build(t testing.TB, flags ...string) []byte {
	t.Helper()
	// What is not looked at here, go test does not know to have changed.
	for _, f := range []string{"main.c", "confine.c", "vp9.c", "av1.c", "shrink.c", "libc.c", "codec.h", "tries.h", "build.sh"} {
		if _, err := os.Stat(filepath.Join("sandbox", f)); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "helper")
	cmd := exec.Command("sandbox/build.sh", append([]string{runtime.GOARCH, out}, flags...)...)
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skipf("no codec helper here: %s", said)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// trying is the helper with the commands of sandbox/tries.h.
func trying(t testing.TB) []byte { return once(t, &tryingOnce, &tryingText, "-DTRIES") }

// order is one of those commands.
func order(what byte) []byte { return []byte{'T', what, 0, 0, 0, 0, 0, 0} }

func plain(t testing.TB) []byte { return once(t, &plainOnce, &plainText) }

var (
	tryingOnce, plainOnce sync.Once
	tryingText, plainText []byte
)

func once(t testing.TB, o *sync.Once, text *[]byte, flags ...string) []byte {
	t.Helper()
	o.Do(func() { *text = build(t, flags...) })
	if *text == nil {
		t.Skip("no codec helper here")
	}
	return *text
}

func begin(t testing.TB, text []byte, o Options) *Encoder {
	t.Helper()
	if o.Patience == 0 {
		o.Patience = 5 * time.Minute // whatever else this machine does
	}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	e, err := start(t.Context(), o, text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// picture is one as a display gives it.
type picture struct {
	Pix                   []byte
	Stride, Width, Height int
}

// encode lays all of p and encodes it.
func (e *Encoder) encode(ctx context.Context, p picture, at time.Duration) (Packet, error) {
	if err := e.Lay(image.Rect(0, 0, p.Width, p.Height), p.Pix, p.Stride); err != nil {
		return Packet{}, err
	}
	return e.Encode(ctx, at, false)
}

func noise(w, h int, seed uint64) picture {
	r := rand.New(rand.NewPCG(seed, 1))
	p := picture{Pix: make([]byte, w*h*4), Stride: w * 4, Width: w, Height: h}
	for i := range p.Pix {
		p.Pix[i] = byte(r.Uint32())
	}
	return p
}

func TestPicturesOfAllSizes(t *testing.T) {
	text := plain(t)
	for _, size := range []image.Point{{1, 1}, {2, 3}, {17, 15}, {63, 65}, {641, 359}, {1366, 768}, {8192, 16}, {16, 8192}} {
		for _, c := range []Codec{VP9, AV1} {
			e := begin(t, text, Options{Codec: c, Width: size.X, Height: size.Y, Threads: 2})
			p := noise(size.X, size.Y, 1)
			for i := range 3 {
				got, err := e.encode(context.Background(), p, time.Duration(i)*33*time.Millisecond)
				if err != nil {
					t.Fatalf("%v %v, picture %d: %v", c, size, i, err)
				}
				if got.Key != (i == 0) || len(got.Bytes) == 0 {
					t.Errorf("%v %v, picture %d: %d bytes, key %v", c, size, i, len(got.Bytes), got.Key)
				}
			}
			if e.started != 1 {
				t.Errorf("%v %v: %d helpers", c, size, e.started)
			}
		}
	}
}
