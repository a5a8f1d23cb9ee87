package tiles

import (
	"fmt"
	"image"
)

// unknown is the fourth byte of a pixel that the viewer may have otherwise. A
// server that gives pixels such a byte has some of them sent twice. Where all
// of its pixels have it, only other colours than those that are there tell, so
// these are spoilt too: by an odd number, which does not lead back soon.
const (
	unknown = 0x5a
	spoils  = 0x35
)

// Forget notes that the viewer's pixels in r are not known any more, because
// they are painted by other frames than this encoder's: when r is added again,
// all of it is sent.
func (e *Encoder) Forget(r image.Rectangle) {
	r = r.Intersect(image.Rectangle{Max: e.size})
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := e.seen[y*e.stride+4*r.Min.X : y*e.stride+4*r.Max.X]
		for x := 0; x < len(row); x += 4 {
			row[x], row[x+1], row[x+2], row[x+3] = row[x]+spoils, row[x+1]+spoils, row[x+2]+spoils, unknown
		}
	}
	e.whole = false
}

// Video makes a frame of a packet that paints r, of a codec other than zstd. It
// is good until the next frame is made.
func (e *Encoder) Video(time uint32, codec byte, r image.Rectangle, key bool, packet []byte) ([]byte, error) {
	f := &e.frame
	f.Number++
	f.Time, f.Codec, f.Flags = time, codec, 0
	f.Copies, f.Tiles, f.Raw = f.Copies[:0], append(f.Tiles[:0], r), 1+len(packet)
	e.out = f.append(e.out[:0])
	f.Codec = CodecZstd
	flags := byte(0)
	if key {
		flags = 1
	}
	e.out = append(append(e.out, flags), packet...)
	if len(e.out) > MaxFrame {
		return nil, fmt.Errorf("%d bytes: %w", len(e.out), ErrFrame)
	}
	return e.out, nil
}
