package tiles

import (
	"encoding/binary"
	"errors"
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

// Target is where it goes.
func (m Move) Target() image.Rectangle { return m.From.Sub(m.From.Min).Add(m.To) }

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
