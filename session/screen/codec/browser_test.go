//go:build linux

package codec

import (
	"encoding/json"
	"errors"
	"image"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestBrowserDecodes: Chromium shows what was encoded, in its colours.
func TestBrowserDecodes(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no chromium here; try: scripts/setup.sh e2e")
		}
		t.Skip("no chromium here; try: scripts/setup.sh e2e")
	}
	text := plain(t)
	const w, h = 639, 361
	for c, name := range map[Codec]string{VP9: "vp09.00.51.08", AV1: "av01.0.13M.08"} {
		t.Run(c.String(), func(t *testing.T) {
			e := begin(t, text, Options{Codec: c, Width: w, Height: h, Kbit: 6000, Threads: 1})
			p := blank(w, h)
			// Flat colours, in which a wrong range or matrix shows most.
			for i, bgr := range [][3]byte{{0, 0, 255}, {0, 255, 0}, {255, 0, 0}, {255, 255, 255}, {0, 0, 0}, {20, 120, 220}} {
				for y := range 60 {
					for x := range 60 {
						copy(p.Pix[y*p.Stride+(i*60+x)*4:], bgr[:])
					}
				}
			}
			if err := e.Lay(image.Rect(0, 0, w, h), p.Pix, p.Stride); err != nil {
				t.Fatal(err)
			}
			asked := struct {
				Codec   string   `json:"codec"`
				Width   int      `json:"width"`
				Height  int      `json:"height"`
				Packets [][]byte `json:"packets"`
			}{name, w, h, nil}
			draw := scenes(w, h)[1].draw
			for i := range 30 {
				for _, r := range draw(p, min(i, 20)) {
					if err := e.Lay(r, p.Pix[r.Min.Y*p.Stride+r.Min.X*4:], p.Stride); err != nil {
						t.Fatal(err)
					}
				}
				got, err := e.Encode(t.Context(), time.Duration(i)*33*time.Millisecond, false)
				if err != nil {
					t.Fatal(err)
				}
				asked.Packets = append(asked.Packets, got.Bytes)
			}
			pixels, err := inBrowser(t, chromium, asked)
			if err != nil || len(pixels) != w*h*4 {
				t.Fatalf("%d bytes, %v", len(pixels), err)
			}
			var sum [3]float64
			worst := 0.0
			for y := range h {
				for x := range w {
					for i := range 3 {
						diff := float64(pixels[(y*w+x)*4+i]) - float64(p.Pix[y*p.Stride+x*4+2-i])
						sum[i] += diff * diff
						if y > 10 && y < 40 && x < 360 && x%60 > 10 && x%60 < 50 {
							worst = max(worst, math.Abs(diff))
						}
					}
				}
			}
			for i, s := range sum {
				db := 10 * math.Log10(255*255/(s/(w*h)))
				t.Logf("channel %d: %.1f dB", i, db)
				if db < 34 {
					t.Errorf("channel %d: %.1f dB", i, db)
				}
			}
			if t.Logf("flat colours are off by %.0f at most", worst); worst > 10 {
				t.Errorf("flat colours are off by %.0f", worst)
			}
		})
	}
}

// inBrowser has testdata/decode.html decode and gives the last picture.
func inBrowser(t *testing.T, chromium string, asked any) ([]byte, error) {
	t.Helper()
	pixels, failed := make(chan []byte, 1), make(chan error, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/decode.html") })
	mux.HandleFunc("GET /packets", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(asked) })
	mux.HandleFunc("POST /pixels", func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			failed <- err
		}
		pixels <- b
	})
	mux.HandleFunc("POST /failed", func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		failed <- errors.Join(errors.New(string(b)), err)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	home, err := os.MkdirTemp("", "codec-browser") //nolint:usetesting // what of it writes on for a moment is no failure
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir="+home, server.URL)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = os.RemoveAll(home)
	}()
	select {
	case b := <-pixels:
		return b, nil
	case err := <-failed:
		return nil, err
	case <-time.After(2 * time.Minute):
		return nil, errors.New("no answer in two minutes")
	}
}
