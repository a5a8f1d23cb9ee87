package tilestest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"

	"github.com/klauspost/compress/zstd"

	"warren/session/screen/tiles"
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
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(tiles.MaxRaw), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	d := &Decoder{Picture: image.NewNRGBA(image.Rectangle{Max: size}), zstd: z}
	for i := 3; i < len(d.Picture.Pix); i += 4 {
		d.Picture.Pix[i] = 255
	}
	return d, nil
}

// Paint does a frame and gives its parts. Of a region of video it paints
// nothing; what comes without loss afterwards makes up for it. After an error
// the picture is not to be relied on.
func (d *Decoder) Paint(b []byte) (tiles.Frame, error) {
	f, err := Parse(b, d.Picture.Rect.Max)
	if err != nil {
		return f, err
	}
	if f.Codec != tiles.CodecZstd {
		if len(f.Copies) > 0 || len(f.Tiles) != 1 || len(f.Body) < 2 {
			return f, fmt.Errorf("%d tiles of video: %w", len(f.Tiles), tiles.ErrFrame)
		}
		return f, nil
	}
	if f.Raw > 0 {
		if cap(d.raw) < f.Raw {
			d.raw = make([]byte, 0, f.Raw)
		}
		d.raw, err = d.zstd.DecodeAll(f.Body, d.raw[:0])
		if err != nil || len(d.raw) != f.Raw {
			return f, fmt.Errorf("%d bytes of pixels, want %d: %w", len(d.raw), f.Raw, errors.Join(tiles.ErrFrame, err))
		}
	}
	for _, m := range f.Copies {
		d.move(m)
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

// move copies inside the picture; source and destination may overlap.
func (d *Decoder) move(m tiles.Move) {
	was := image.NewNRGBA(m.From)
	draw.Draw(was, m.From, d.Picture, m.From.Min, draw.Src)
	draw.Draw(d.Picture, m.Target(), was, m.From.Min, draw.Src)
}

// Close gives back what the decoder holds.
func (d *Decoder) Close() { d.zstd.Close() }

// A frame's parts, in bytes, and what its copies may take, in pictures.
const (
	headSize    = 4 + 4 + 1 + 1 + 2 + 2 + 4
	moveSize    = 12
	tileSize    = 8
	copiedTimes = 4
)

// Parse reads a frame for a picture of a size. Its Body stays in b.
func Parse(b []byte, size image.Point) (f tiles.Frame, err error) {
	if len(b) < headSize || len(b) > tiles.MaxFrame {
		return f, fmt.Errorf("%d bytes: %w", len(b), tiles.ErrFrame)
	}
	le := binary.LittleEndian
	f = tiles.Frame{Number: le.Uint32(b), Time: le.Uint32(b[4:]), Codec: b[8], Flags: b[9]}
	copies, areas, raw := int(le.Uint16(b[10:])), int(le.Uint16(b[12:])), le.Uint32(b[14:])
	b = b[headSize:]
	if len(b) < copies*moveSize+areas*tileSize || raw > tiles.MaxRaw || f.Codec > tiles.CodecAV1 {
		return f, fmt.Errorf("%d copies, %d tiles, %d bytes of pixels: %w", copies, areas, raw, tiles.ErrFrame)
	}
	f.Raw = int(raw)
	all := image.Rectangle{Max: size}
	area := 0
	for range copies {
		m := tiles.Move{From: box(b), To: image.Pt(int(le.Uint16(b[8:])), int(le.Uint16(b[10:])))}
		area += m.From.Dx() * m.From.Dy()
		if m.From.Empty() || !m.From.In(all) || !m.Target().In(all) || area > copiedTimes*size.X*size.Y {
			return f, fmt.Errorf("copy of %v to %v: %w", m.From, m.To, tiles.ErrFrame)
		}
		f.Copies = append(f.Copies, m)
		b = b[moveSize:]
	}
	area = 0
	for range areas {
		t := box(b)
		area += t.Dx() * t.Dy()
		if t.Empty() || !t.In(all) || f.Codec == tiles.CodecZstd && 4*area > f.Raw {
			return f, fmt.Errorf("tile %v: %w", t, tiles.ErrFrame)
		}
		f.Tiles = append(f.Tiles, t)
		b = b[tileSize:]
	}
	if f.Codec == tiles.CodecZstd && 4*area != f.Raw || (f.Raw == 0) != (len(b) == 0) {
		return f, fmt.Errorf("%d bytes of pixels for %d: %w", f.Raw, area, tiles.ErrFrame)
	}
	f.Body = b
	return f, nil
}

func box(b []byte) image.Rectangle {
	le := binary.LittleEndian
	x, y := int(le.Uint16(b)), int(le.Uint16(b[2:]))
	return image.Rect(x, y, x+int(le.Uint16(b[4:])), y+int(le.Uint16(b[6:])))
}
