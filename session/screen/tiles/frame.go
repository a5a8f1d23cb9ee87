package tiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// ErrFrame is what every refusal of a frame wraps.
var ErrFrame = errors.New("frame not acceptable")

// Codecs of a frame.
const (
	CodecZstd = 0
	CodecVP9  = 1
	CodecAV1  = 2
)

// Complete is the flag of a frame after which the picture is whole and
// without loss.
const Complete = 1

const (
	headSize = 4 + 4 + 1 + 1 + 2 + 2 + 4
	moveSize = 12
	tileSize = 8
	// copiedTimes bounds the work of a frame's copies, in pictures.
	copiedTimes = 4
)

// Move is a part of the picture that has gone elsewhere on it.
type Move struct {
	From image.Rectangle
	To   image.Point // of its upper left corner
}

// Frame is a frame's parts.
type Frame struct {
	// Number counts up by 1, from 1 on.
	Number uint32
	// Time is when the pixels were grabbed, in ms since the session's start.
	Time   uint32
	Codec  byte
	Flags  byte
	Copies []Move
	Tiles  []image.Rectangle
	// Raw is what Body unpacks to, in bytes.
	Raw  int
	Body []byte
}

// Parse reads a frame for a picture of a size. Its Body stays in b.
func Parse(b []byte, size image.Point) (f Frame, err error) {
	if len(b) < headSize || len(b) > MaxFrame {
		return f, fmt.Errorf("%d bytes: %w", len(b), ErrFrame)
	}
	le := binary.LittleEndian
	f = Frame{Number: le.Uint32(b), Time: le.Uint32(b[4:]), Codec: b[8], Flags: b[9]}
	copies, tiles, raw := int(le.Uint16(b[10:])), int(le.Uint16(b[12:])), le.Uint32(b[14:])
	b = b[headSize:]
	if len(b) < copies*moveSize+tiles*tileSize || raw > MaxRaw || f.Codec > CodecAV1 {
		return f, fmt.Errorf("%d copies, %d tiles, %d bytes of pixels: %w", copies, tiles, raw, ErrFrame)
	}
	f.Raw = int(raw)
	all := image.Rectangle{Max: size}
	area := 0
	for range copies {
		m := Move{From: box(b), To: image.Pt(int(le.Uint16(b[8:])), int(le.Uint16(b[10:])))}
		area += m.From.Dx() * m.From.Dy()
		if m.From.Empty() || !m.From.In(all) || !m.target().In(all) || area > copiedTimes*size.X*size.Y {
			return f, fmt.Errorf("copy of %v to %v: %w", m.From, m.To, ErrFrame)
		}
		f.Copies = append(f.Copies, m)
		b = b[moveSize:]
	}
	area = 0
	for range tiles {
		t := box(b)
		area += t.Dx() * t.Dy()
		if t.Empty() || !t.In(all) || f.Codec == CodecZstd && 4*area > f.Raw {
			return f, fmt.Errorf("tile %v: %w", t, ErrFrame)
		}
		f.Tiles = append(f.Tiles, t)
		b = b[tileSize:]
	}
	if f.Codec == CodecZstd && 4*area != f.Raw || (f.Raw == 0) != (len(b) == 0) {
		return f, fmt.Errorf("%d bytes of pixels for %d: %w", f.Raw, area, ErrFrame)
	}
	f.Body = b
	return f, nil
}

func box(b []byte) image.Rectangle {
	le := binary.LittleEndian
	x, y := int(le.Uint16(b)), int(le.Uint16(b[2:]))
	return image.Rect(x, y, x+int(le.Uint16(b[4:])), y+int(le.Uint16(b[6:])))
}

func (m Move) target() image.Rectangle { return m.From.Sub(m.From.Min).Add(m.To) }

// append writes a frame but for its body.
func (f Frame) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, f.Number)
	b = le.AppendUint32(b, f.Time)
	b = append(b, f.Codec, f.Flags)
	b = le.AppendUint16(b, uint16(len(f.Copies))) //nolint:gosec // bounded by the encoder
	b = le.AppendUint16(b, uint16(len(f.Tiles)))  //nolint:gosec // bounded by the encoder
	b = le.AppendUint32(b, uint32(f.Raw))         //nolint:gosec // bounded by the encoder
	for _, m := range f.Copies {
		b = appendBox(b, m.From)
		b = appendPoint(b, m.To.X, m.To.Y)
	}
	for _, t := range f.Tiles {
		b = appendBox(b, t)
	}
	return b
}

func appendBox(b []byte, r image.Rectangle) []byte {
	return appendPoint(appendPoint(b, r.Min.X, r.Min.Y), r.Dx(), r.Dy())
}

func appendPoint(b []byte, x, y int) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(x))    //nolint:gosec // inside a picture
	return binary.LittleEndian.AppendUint16(b, uint16(y)) //nolint:gosec // inside a picture
}
