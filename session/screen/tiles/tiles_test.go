package tiles_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"warren/session/screen/tiles"
	"warren/session/screen/tiles/tilestest"
)

// desktop is a picture as a display has it: B G R x.
type desktop struct {
	size   image.Point
	pixels []byte
	random *rand.Rand
	// fourth is the byte of a pixel that means nothing.
	fourth uint32
}

func newDesktop(w, h int) *desktop {
	return &desktop{size: image.Pt(w, h), pixels: make([]byte, 4*w*h), random: rand.New(rand.NewPCG(1, 2))}
}

func (d *desktop) all() image.Rectangle { return image.Rectangle{Max: d.size} }

// grab gives a rectangle's pixels.
func (d *desktop) grab(r image.Rectangle) (out []byte) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		at := 4 * (y*d.size.X + r.Min.X)
		out = append(out, d.pixels[at:at+4*r.Dx()]...)
	}
	return out
}

// paint sets the pixels of a rectangle.
func (d *desktop) paint(r image.Rectangle, colour func(x, y int) uint32) {
	r = r.Intersect(d.all())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			binary.LittleEndian.PutUint32(d.pixels[4*(y*d.size.X+x):], colour(x, y)&0xffffff|d.fourth<<24)
		}
	}
}

func (d *desktop) noise(r image.Rectangle) {
	d.paint(r, func(int, int) uint32 { return d.random.Uint32() })
}

// copy moves a rectangle.
func (d *desktop) copy(r image.Rectangle, to image.Point) {
	was := d.grab(r)
	d.paint(r.Sub(r.Min).Add(to), func(x, y int) uint32 {
		return binary.LittleEndian.Uint32(was[4*((y-to.Y)*r.Dx()+x-to.X):])
	})
}

// viewer is both sides.
type viewer struct {
	*desktop
	encoder *tiles.Encoder
	decoder *tilestest.Decoder
	bytes   int
	frames  []tiles.Frame
}

func newViewer(t testing.TB, d *desktop) *viewer {
	t.Helper()
	e, err := tiles.NewEncoder(d.size, 0)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := tilestest.NewDecoder(d.size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Close()
		dec.Close()
	})
	return &viewer{desktop: d, encoder: e, decoder: dec}
}

// send makes frames of at most about budget bytes until nothing of the
// rectangles is left.
func (v *viewer) send(t testing.TB, budget int, damage ...image.Rectangle) {
	t.Helper()
	for len(damage) > 0 {
		v.encoder.Begin(budget)
		var left []image.Rectangle
		for _, r := range damage {
			left = append(left, v.encoder.Add(r, v.grab(r))...)
		}
		frame, more, err := v.encoder.Finish(0, len(left) == 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(frame) > 2*budget+20<<10 {
			t.Fatalf("a frame of %d bytes with a budget of %d", len(frame), budget)
		}
		f, err := v.decoder.Paint(frame)
		if err != nil {
			t.Fatal(err)
		}
		v.bytes += len(frame)
		f.Copies, f.Tiles, f.Body = slices.Clone(f.Copies), slices.Clone(f.Tiles), nil
		v.frames = append(v.frames, f)
		damage = append(left, more...)
	}
}

// equal checks that the viewer sees the display.
func (v *viewer) equal(t testing.TB) {
	t.Helper()
	for i := 0; i < len(v.pixels); i += 4 {
		p, q := v.pixels[i:i+4], v.decoder.Picture.Pix[i:i+4]
		if p[0] != q[2] || p[1] != q[1] || p[2] != q[0] || q[3] != 255 {
			t.Fatalf("pixel %d,%d is %x, want %x", i/4%v.size.X, i/4/v.size.X, q, p)
		}
	}
}

func TestPicturesArriveWhole(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 7}, {65, 3}, {333, 222}, {1921, 1083}} {
		for _, budget := range []int{3 << 10, 20 << 10, 1 << 20} {
			if size.X*size.Y > 100*budget { // too many frames for a test
				continue
			}
			t.Run(fmt.Sprintf("%dx%d in %d", size.X, size.Y, budget), func(t *testing.T) {
				v := newViewer(t, newDesktop(size.X, size.Y))
				for range 2 {
					var damage []image.Rectangle
					for range 3 {
						r := image.Rect(v.random.IntN(size.X), v.random.IntN(size.Y), v.random.IntN(size.X)+1, v.random.IntN(size.Y)+1)
						if r.Dx() > 300 {
							r.Max.X = r.Min.X + 300
						}
						if !slices.ContainsFunc(damage, r.Overlaps) && !r.Empty() {
							damage = append(damage, r)
							v.noise(r)
						}
					}
					v.send(t, budget, damage...)
				}
				v.paint(v.all(), func(x, y int) uint32 { return uint32(x/9*y/9) * 77777 })
				v.send(t, budget, v.all())
				v.equal(t)
				if f := v.frames[len(v.frames)-1]; f.Flags&tiles.Complete == 0 || int(f.Number) != len(v.frames) {
					t.Errorf("the last of %d frames is %d, flags %d", len(v.frames), f.Number, f.Flags)
				}
			})
		}
	}
}

func TestWhatDidNotChangeIsNotSent(t *testing.T) {
	v := newViewer(t, newDesktop(640, 480))
	v.noise(v.all())
	v.send(t, 4<<20, v.all())
	v.fourth = 0x5a
	v.paint(v.all(), func(x, y int) uint32 { return binary.LittleEndian.Uint32(v.pixels[4*(y*640+x):]) })
	v.encoder.Begin(1 << 20)
	if left := v.encoder.Add(v.all(), v.grab(v.all())); left != nil {
		t.Error("something is left of nothing")
	}
	if frame, _, err := v.encoder.Finish(0, false); frame != nil || err != nil {
		t.Errorf("a frame of %d bytes, %v", len(frame), err)
	}
	v.noise(image.Rect(100, 130, 103, 131))
	v.send(t, 1<<20, v.all())
	v.equal(t)
	if f := v.frames[len(v.frames)-1]; len(f.Tiles) != 1 || f.Tiles[0] != image.Rect(100, 130, 103, 131) {
		t.Errorf("a change of three pixels is sent as %v", f.Tiles)
	}
}

func TestScrollingIsCopied(t *testing.T) {
	window := image.Rect(50, 40, 1250, 800)
	for _, by := range []int{-13, -1, 26, -300} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			v := newViewer(t, newDesktop(1280, 900))
			v.paint(v.all(), func(x, y int) uint32 { return 0x305070 })
			v.text(window)
			v.send(t, 8<<20, v.all())
			before := v.bytes
			v.scroll(window, by)
			// A border and a column that stand still are damaged as well.
			v.send(t, 8<<20, image.Rect(0, 30, 1280, 810))
			v.equal(t)
			if f := v.frames[len(v.frames)-1]; len(f.Copies) == 0 {
				t.Error("nothing is copied")
			}
			t.Logf("%d bytes for %d rows", v.bytes-before, by)
			if most := 400*max(by, -by) + 8000; v.bytes-before > most {
				t.Errorf("scrolling by %d takes %d bytes, want at most %d", by, v.bytes-before, most)
			}
		})
	}
}

func TestDraggedWindowIsCopied(t *testing.T) {
	for _, by := range []image.Point{{8, 3}, {-17, 0}, {30, -40}, {-1, -1}} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			v := newViewer(t, newDesktop(900, 700))
			v.paint(v.all(), func(x, y int) uint32 { return uint32(0x204060 + y/8) })
			window := image.Rect(200, 200, 600, 500)
			v.text(window)
			v.send(t, 8<<20, v.all())
			before := v.bytes
			v.copy(window, window.Min.Add(by))
			moved := window.Add(by)
			for y := window.Min.Y; y < window.Max.Y; y++ { // what it uncovers
				v.paint(image.Rect(window.Min.X, y, window.Max.X, y+1), func(x, y int) uint32 {
					if image.Pt(x, y).In(moved) {
						return binary.LittleEndian.Uint32(v.pixels[4*(y*900+x):])
					}
					return uint32(0x204060 + y/8)
				})
			}
			v.send(t, 8<<20, window.Union(moved))
			v.equal(t)
			f := v.frames[len(v.frames)-1]
			if len(f.Copies) != 1 || f.Copies[0].To.Sub(f.Copies[0].From.Min) != by {
				t.Errorf("copies %v", f.Copies)
			}
			if n := v.bytes - before; n > 4000 {
				t.Errorf("a window that moves by %v takes %d bytes", by, n)
			}
		})
	}
}

// TestDraggedSparseTextIsCopied: little black on white, so that short runs are
// many times the same.
func TestDraggedSparseTextIsCopied(t *testing.T) {
	v := newViewer(t, newDesktop(1000, 800))
	v.paint(v.all(), func(int, int) uint32 { return 0x204060 })
	window := image.Rect(100, 100, 700, 500)
	v.paint(window, func(int, int) uint32 { return 0xffffff })
	for y := 10; y < window.Dy()-14; y += 14 {
		for x := 10; x < window.Dx()-10; x += 7 {
			for range 4 {
				at := window.Min.Add(image.Pt(x+v.random.IntN(5), y+v.random.IntN(9)))
				v.paint(image.Rect(at.X, at.Y, at.X+1, at.Y+1+v.random.IntN(3)), func(int, int) uint32 { return 0 })
			}
		}
	}
	v.send(t, 8<<20, v.all())
	by := image.Pt(11, 7)
	for range 10 {
		before, moved := v.bytes, window.Add(by)
		v.copy(window, moved.Min)
		v.paint(image.Rect(window.Min.X, window.Min.Y, window.Max.X, moved.Min.Y), func(int, int) uint32 { return 0x204060 })
		v.paint(image.Rect(window.Min.X, window.Min.Y, moved.Min.X, window.Max.Y), func(int, int) uint32 { return 0x204060 })
		v.send(t, 8<<20, window.Union(moved))
		v.equal(t)
		if n := v.bytes - before; n > 4000 {
			t.Errorf("at %v it takes %d bytes", moved.Min, n)
		}
		window = moved
	}
}

// text fills a rectangle with letters, each a pattern of its own.
func (d *desktop) text(r image.Rectangle) {
	for y := r.Min.Y; y+13 <= r.Max.Y; y += 13 {
		d.line(r, y)
	}
}

func (d *desktop) line(r image.Rectangle, top int) {
	for x := r.Min.X; x+6 <= r.Max.X; x += 6 {
		letter := uint64(d.random.IntN(64))*0x9e3779b97f4a7c15 | 1
		d.paint(image.Rect(x, top, x+6, top+13).Intersect(r), func(x, y int) uint32 {
			if (y-top) > 2 && (y-top) < 12 && letter>>uint((y-top)*5+(x-r.Min.X)%6)&1 == 1 {
				return 0
			}
			return 0xffffff
		})
	}
}

// scroll moves a window's content and fills what comes in with text.
func (d *desktop) scroll(r image.Rectangle, by int) {
	if by < 0 {
		d.copy(image.Rect(r.Min.X, r.Min.Y-by, r.Max.X, r.Max.Y), r.Min)
		for y := r.Max.Y + by; y < r.Max.Y; y += 13 {
			d.line(r, y)
		}
		return
	}
	d.copy(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Max.Y-by), image.Pt(r.Min.X, r.Min.Y+by))
	for y := r.Min.Y; y < r.Min.Y+by; y += 13 {
		d.line(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+by), y)
	}
}

func TestSizes(t *testing.T) {
	for _, size := range []image.Point{{0, 1}, {1, 0}, {-1, 1}, {tiles.MaxSide + 1, 1}, {tiles.MaxSide, tiles.MaxSide}} {
		if _, err := tiles.NewEncoder(size, 0); !errors.Is(err, tiles.ErrFrame) {
			t.Errorf("encoder of %v: %v", size, err)
		}
	}
	if testing.Short() {
		return
	}
	v := newViewer(t, newDesktop(7680, 4320))
	r := image.Rect(7000, 4000, 7680, 4320)
	v.noise(r)
	v.send(t, 1<<20, r)
	got := v.decoder.Picture.NRGBAAt(7679, 4319)
	if p := v.pixels[len(v.pixels)-4:]; got.B != p[0] || got.G != p[1] || got.R != p[2] {
		t.Errorf("the last pixel is %v, want %x", got, p)
	}
}

func FuzzDecoder(f *testing.F) {
	d := newDesktop(70, 50)
	e, err := tiles.NewEncoder(d.size, 0)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		d.noise(image.Rect(i, i, 60, 40))
		e.Begin(1 << 20)
		e.Add(d.all(), d.grab(d.all()))
		frame, _, err := e.Finish(uint32(i), true)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(slices.Clone(frame))
	}
	decoder, err := tilestest.NewDecoder(d.size)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := decoder.Paint(b)
		if err != nil && !errors.Is(err, tiles.ErrFrame) {
			t.Errorf("an error of another kind: %v", err)
		}
		if err == nil && frame.Raw > tiles.MaxRaw {
			t.Errorf("%d bytes of pixels", frame.Raw)
		}
	})
}
