package tiles

import (
	"errors"
	"fmt"
	"image"

	"github.com/klauspost/compress/zstd"
)

// Decoder paints frames.
type Decoder struct {
	// Picture is what the frames so far have painted: R G B 255.
	Picture *image.NRGBA
	zstd    *zstd.Decoder
	raw     []byte
}

// NewDecoder makes a decoder for a picture of a size, which begins black.
func NewDecoder(size image.Point) (*Decoder, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxRaw), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	d := &Decoder{Picture: image.NewNRGBA(image.Rectangle{Max: size}), zstd: z}
	for i := 3; i < len(d.Picture.Pix); i += 4 {
		d.Picture.Pix[i] = 255
	}
	return d, nil
}

func checkSize(size image.Point) error {
	if size.X < 1 || size.Y < 1 || size.X > MaxSide || size.Y > MaxSide || size.X*size.Y > MaxPixels {
		return fmt.Errorf("a picture of %d by %d pixels: %w", size.X, size.Y, ErrFrame)
	}
	return nil
}

// Paint does a frame and gives its parts. Of a region of video it paints
// nothing; what comes without loss afterwards makes up for it. After an error
// the picture is not to be relied on.
func (d *Decoder) Paint(b []byte) (Frame, error) {
	f, err := Parse(b, d.Picture.Rect.Max)
	if err != nil {
		return f, err
	}
	if f.Codec != CodecZstd {
		if len(f.Copies) > 0 || len(f.Tiles) != 1 || len(f.Body) < 2 {
			return f, fmt.Errorf("%d tiles of video: %w", len(f.Tiles), ErrFrame)
		}
		return f, nil
	}
	if f.Raw > 0 {
		if cap(d.raw) < f.Raw {
			d.raw = make([]byte, 0, f.Raw)
		}
		d.raw, err = d.zstd.DecodeAll(f.Body, d.raw[:0])
		if err != nil || len(d.raw) != f.Raw {
			return f, fmt.Errorf("%d bytes of pixels, want %d: %w", len(d.raw), f.Raw, errors.Join(ErrFrame, err))
		}
	}
	for _, m := range f.Copies {
		move(d.Picture.Pix, d.Picture.Stride, m)
	}
	rest := d.raw
	for _, t := range f.Tiles {
		for y := t.Min.Y; y < t.Max.Y; y++ {
			n := 4 * t.Dx()
			copy(d.Picture.Pix[d.Picture.PixOffset(t.Min.X, y):], rest[:n])
			rest = rest[n:]
		}
	}
	return f, nil
}

// move copies inside a picture; source and destination may overlap.
func move(pixels []byte, stride int, m Move) {
	row, rows := 4*m.From.Dx(), m.From.Dy()
	from := m.From.Min.Y*stride + 4*m.From.Min.X
	to := m.To.Y*stride + 4*m.To.X
	step := stride
	if to > from { // from below, so that no row is overwritten before it is read
		from, to, step = from+(rows-1)*stride, to+(rows-1)*stride, -stride
	}
	for range rows {
		copy(pixels[to:to+row], pixels[from:from+row])
		from, to = from+step, to+step
	}
}

// Close gives back what the decoder holds.
func (d *Decoder) Close() { d.zstd.Close() }
