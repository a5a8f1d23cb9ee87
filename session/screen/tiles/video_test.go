package tiles_test

import (
	"errors"
	"image"
	"slices"
	"testing"

	"warren/session/screen/tiles"
	"warren/session/screen/tiles/tilestest"
)

// TestForget: what video painted is sent anew, even where nothing has changed,
// and nothing is copied from there.
func TestForget(t *testing.T) {
	for name, fourth := range map[string]func(i int) byte{
		"any fourth byte": func(i int) byte { return byte(i * 7 % 251) },
		"that of unknown": func(int) byte { return tiles.Unknown },
	} {
		t.Run(name, func(t *testing.T) { testForget(t, fourth) })
	}
}

func testForget(t *testing.T, fourth func(i int) byte) {
	size := image.Pt(300, 200)
	all := image.Rectangle{Max: size}
	pixels := make([]byte, 4*size.X*size.Y)
	for i := range pixels {
		if pixels[i] = byte(i / 4 * 7 % 251); i%4 == 3 {
			pixels[i] = fourth(i / 4)
		}
	}
	e, err := tiles.NewEncoder(size, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	d, err := tilestest.NewDecoder(size)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	paint := func(complete bool) tiles.Frame {
		t.Helper()
		e.Begin(1 << 30)
		if left := e.Add(all, pixels); len(left) > 0 {
			t.Fatalf("left %v", left)
		}
		b, left, err := e.Finish(0, complete)
		if err != nil || len(left) > 0 {
			t.Fatalf("left %v, %v", left, err)
		}
		if b == nil {
			return tiles.Frame{}
		}
		f, err := d.Paint(b)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	paint(true)
	if f := paint(true); f.Number != 0 {
		t.Fatalf("a frame of nothing: %+v", f)
	}
	region := image.Rect(64, 64, 192, 192)
	e.Forget(region)
	b, err := e.Video(5, tiles.CodecVP9, region, true, []byte{9, 9, 9})
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Paint(b)
	if err != nil || f.Number != 2 || f.Codec != tiles.CodecVP9 || f.Flags != 0 || len(f.Tiles) != 1 || f.Tiles[0] != region || !slices.Equal(f.Body, []byte{1, 9, 9, 9}) {
		t.Fatalf("%+v, %v", f, err)
	}
	// A viewer's decoder has painted something there.
	for y := region.Min.Y; y < region.Max.Y; y++ {
		clear(d.Picture.Pix[d.Picture.PixOffset(region.Min.X, y):][:4*region.Dx()])
	}
	f = paint(true)
	if f.Number != 3 || f.Codec != tiles.CodecZstd || f.Flags != tiles.Complete {
		t.Errorf("%+v", f)
	}
	for y := range size.Y {
		for x := range size.X {
			p, q := pixels[4*(y*size.X+x):], d.Picture.NRGBAAt(x, y)
			if p[0] != q.B || p[1] != q.G || p[2] != q.R || q.A != 255 {
				t.Fatalf("pixel %d,%d", x, y)
			}
		}
	}
	if f := paint(true); f.Number != 0 {
		t.Errorf("sent twice: %+v", f)
	}
	if _, err := e.Video(5, tiles.CodecVP9, region, true, make([]byte, tiles.MaxFrame)); !errors.Is(err, tiles.ErrFrame) {
		t.Errorf("a packet too long: %v", err)
	}
}
