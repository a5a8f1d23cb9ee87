//go:build linux

package codec

import (
	"fmt"
	"image"
	"os"
	"regexp"
	"testing"
	"time"
)

// TestEightK: the bounds that the helper has leave room for the largest screen.
func TestEightK(t *testing.T) {
	if testing.Short() {
		t.Skip("33 million pixels")
	}
	text := plain(t)
	for _, c := range []Codec{VP9, AV1} {
		e := begin(t, text, Options{Codec: c, Width: 7680, Height: 4320, Threads: 4})
		for i := range 2 {
			p := noise(640, 360, uint64(i))
			if err := e.Lay(image.Rect(7040, 3960, 7680, 4320), p.Pix, p.Stride); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			got, err := e.Encode(t.Context(), time.Duration(i)*33*time.Millisecond, false)
			if err != nil || len(got.Bytes) == 0 || e.started != 1 {
				t.Fatalf("%v, picture %d: %d bytes, helper %d, %v", c, i, len(got.Bytes), e.started, err)
			}
			t.Logf("%v, picture %d: %d bytes after %v", c, i, len(got.Bytes), time.Since(began))
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.helper.process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: %s", c, regexp.MustCompile(`Vm(Peak|HWM):\s+\d+`).FindAllString(string(status), -1))
	}
}
