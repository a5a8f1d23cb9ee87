package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// decoder compiles testdata/decode.c, on the codecs' own decoders.
func decoder(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "decode")
	if said, err := exec.Command("cc", "-O2", "-o", out, "testdata/decode.c", "-lvpx", "-laom").CombinedOutput(); err != nil {
		t.Skipf("no decoder here: %v\n%s", err, said)
	}
	return out
}

type decoded struct {
	size    image.Point
	full    bool
	y, u, v []byte
}

func decode(t *testing.T, program string, c Codec, packets [][]byte) []decoded {
	t.Helper()
	var in bytes.Buffer
	for _, p := range packets {
		in.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(p))))
		in.Write(p)
	}
	cmd := exec.Command(program, fmt.Sprint(uint8(c)))
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("decode %v: %v", c, err)
	}
	var all []decoded
	for len(out) > 0 {
		w, h := int(binary.LittleEndian.Uint32(out)), int(binary.LittleEndian.Uint32(out[4:]))
		half := (w + 1) / 2 * ((h + 1) / 2)
		d := decoded{size: image.Pt(w, h), full: out[8] == 1}
		out = out[12:]
		d.y, d.u, d.v, out = out[:w*h], out[w*h:w*h+half], out[w*h+half:w*h+2*half], out[w*h+2*half:]
		all = append(all, d)
	}
	return all
}

// luma is Y of BT.601 in full range.
func luma(b, g, r byte) float64 { return .114*float64(b) + .587*float64(g) + .299*float64(r) }

// psnr compares Y, in dB.
func (d decoded) psnr(p picture) float64 {
	var sum float64
	for y := range p.Height {
		for x := range p.Width {
			at := p.Pix[y*p.Stride+x*4:]
			diff := luma(at[0], at[1], at[2]) - float64(d.y[y*d.size.X+x])
			sum += diff * diff
		}
	}
	return 10 * math.Log10(255*255/max(sum/float64(p.Width*p.Height), 1e-9))
}

// rgb is the colour of a pixel, as a browser makes it.
func (d decoded) rgb(x, y int) (r, g, b float64) {
	l := float64(d.y[y*d.size.X+x])
	at := y/2*((d.size.X+1)/2) + x/2
	u, v := float64(d.u[at])-128, float64(d.v[at])-128
	return l + 1.402*v, l - .344136*u - .714136*v, l + 1.772*u
}

// TestDecoded: what comes out is what went in, in brightness and colour, also
// after the helper was replaced, and a picture that rests becomes better.
func TestDecoded(t *testing.T) {
	program, text := decoder(t), trying(t)
	const w, h, frames = 639, 361, 30
	for _, c := range []Codec{VP9, AV1} {
		for _, s := range scenes(w, h) {
			t.Run(fmt.Sprint(c, "/", s.name), func(t *testing.T) {
				e := begin(t, text, Options{Codec: c, Width: w, Height: h, Kbit: 6000, Threads: 1})
				p := blank(w, h)
				if err := e.Lay(image.Rect(0, 0, w, h), p.Pix, p.Stride); err != nil {
					t.Fatal(err)
				}
				var packets [][]byte
				var first, last picture
				for i := range frames + 10 {
					if i < frames {
						for _, r := range s.draw(p, i) {
							if r = r.Intersect(image.Rect(0, 0, w, h)); r.Empty() {
								continue
							}
							if err := e.Lay(r, p.Pix[r.Min.Y*p.Stride+r.Min.X*4:], p.Stride); err != nil {
								t.Fatal(err)
							}
						}
					}
					if i == frames/2 {
						if _, err := e.helper.commands.Write(order('c')); err != nil {
							t.Fatal(err)
						}
					}
					got, err := e.Encode(t.Context(), time.Duration(i)*33*time.Millisecond, false)
					if err != nil {
						t.Fatal(err)
					}
					if i == frames/2 && !got.Key {
						t.Error("no key after a crash")
					}
					packets = append(packets, got.Bytes)
					if i == frames-1 {
						first = p
						first.Pix = slices.Clone(p.Pix)
					}
				}
				last = p
				got := decode(t, program, c, packets)
				if len(got) != len(packets) || got[0].size != e.options.coded() || !got[0].full {
					t.Fatalf("%d pictures of %d, %v, full range %v", len(got), len(packets), got[0].size, got[0].full)
				}
				moved, rested := got[frames-1].psnr(first), got[len(got)-1].psnr(last)
				t.Logf("%.1f dB at the last change, %.1f dB at rest", moved, rested)
				if moved < 28 || rested < 36 {
					t.Errorf("%.1f dB at the last change, want 28; %.1f dB at rest, want 36", moved, rested)
				}
				// A corner of flat colour that nothing was drawn on.
				if s.name != "full-motion" {
					at := p.Pix[20*p.Stride+20*4:]
					r, g, b := got[len(got)-1].rgb(20, 20)
					for i, v := range []float64{b, g, r} {
						if math.Abs(v-float64(at[i])) > 4 {
							t.Errorf("colour %d is %.0f, was %d", i, v, at[i])
						}
					}
				}
			})
		}
	}
}

// TestFilmBecomesSmaller: a film that takes too long comes with fewer pixels,
// without a key in between, and what is no film any more has all of them.
func TestFilmBecomesSmaller(t *testing.T) {
	program := decoder(t)
	const w, h, rests = 1280, 722, 40
	e := begin(t, build(t, "-DTOO_LONG=1"), Options{Codec: VP9, Width: w, Height: h, Kbit: 4000, Threads: 1})
	var packets [][]byte
	var quarters []int
	p := blank(w, h)
	for i := range rests + 2 {
		if i < rests {
			film(p, image.Rect(0, 0, w, h), i)
		} else {
			desktop(p, image.Rect(0, 0, w, h))
		}
		if err := e.Lay(image.Rect(0, 0, w, h), p.Pix, p.Stride); err != nil {
			t.Fatal(err)
		}
		got, err := e.Encode(t.Context(), time.Duration(i)*33*time.Millisecond, false)
		if err != nil {
			t.Fatal(err)
		}
		if got.Key != (i == 0) {
			t.Errorf("picture %d: key %v", i, got.Key)
		}
		packets = append(packets, got.Bytes)
		quarters = append(quarters, got.Quarters)
	}
	if want := []int{4, 3, 2, 4}; !slices.Equal(slices.Compact(quarters), want) {
		t.Errorf("quarters %v, want %v", quarters, want)
	}
	var sizes []image.Point
	got := decode(t, program, VP9, packets)
	for _, d := range got {
		if len(sizes) == 0 || sizes[len(sizes)-1] != d.size {
			sizes = append(sizes, d.size)
		}
	}
	if want := []image.Point{{w, h}, {960, 540}, {640, 360}, {w, h}}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
	if db := got[len(got)-1].psnr(p); db < 30 {
		t.Errorf("at full size again: %.1f dB", db)
	}
}

// BenchmarkEncode measures one thread at 1080p and 30 pictures a second.
func BenchmarkEncode(b *testing.B) {
	text := plain(b)
	const w, h, kbit = 1920, 1080, 6000
	for _, c := range []Codec{VP9, AV1} {
		for _, s := range scenes(w, h) {
			b.Run(fmt.Sprint(c, "/", s.name), func(b *testing.B) {
				began := time.Now()
				e := begin(b, text, Options{Codec: c, Width: w, Height: h, Kbit: kbit, Threads: 1})
				started := time.Since(began)
				p := blank(w, h)
				s.draw(p, 0)
				if err := e.Lay(image.Rect(0, 0, w, h), p.Pix, p.Stride); err != nil {
					b.Fatal(err)
				}
				key, err := e.Encode(b.Context(), 0, true)
				if err != nil {
					b.Fatal(err)
				}
				keyCPU := onCore(b, e)
				var times, inside []time.Duration
				bytes, at := 0, time.Duration(0)
				before := onCore(b, e)
				b.ResetTimer()
				for n := range b.N {
					b.StopTimer()
					changed := s.draw(p, n+1)
					b.StartTimer()
					at += time.Second / 30
					began := time.Now()
					for _, r := range changed {
						r = r.Intersect(image.Rect(0, 0, w, h))
						if err := e.Lay(r, p.Pix[r.Min.Y*p.Stride+r.Min.X*4:], p.Stride); err != nil {
							b.Fatal(err)
						}
					}
					got, err := e.Encode(b.Context(), at, false)
					if err != nil {
						b.Fatal(err)
					}
					times = append(times, time.Since(began))
					inside = append(inside, got.Convert+got.Encode)
					bytes += len(got.Bytes)
				}
				b.StopTimer()
				ms := func(all []time.Duration, part float64) float64 {
					slices.Sort(all)
					return float64(all[int(float64(len(all)-1)*part)].Microseconds()) / 1000
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(ms(times, .5), "ms-p50")
				b.ReportMetric(ms(times, .95), "ms-p95")
				b.ReportMetric(ms(inside, .5), "ms-inside")
				b.ReportMetric(float64((onCore(b, e)-before).Microseconds())/1000/float64(b.N), "ms-cpu")
				b.ReportMetric(float64(bytes)*8*30/float64(b.N)/1000, "kbit/s")
				b.ReportMetric(float64((key.Convert + key.Encode).Milliseconds()), "ms-key")
				b.ReportMetric(float64(len(key.Bytes))/1000, "KB-key")
				b.ReportMetric(float64(started.Microseconds())/1000, "ms-start")
				b.ReportMetric(float64(keyCPU.Microseconds())/1000, "ms-key-cpu")
			})
		}
	}
}

// onCore is the time that the helper's one thread had a core.
func onCore(b *testing.B, e *Encoder) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", e.helper.process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(n)
}
