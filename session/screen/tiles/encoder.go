package tiles

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"

	"github.com/klauspost/compress/zstd"
)

const (
	// side is a tile's width and height; on a thin link tiles are flat, so that
	// one is no more than a moment's worth.
	side     = 64
	flat     = 16
	thinLink = 24 << 10
	// mostRaw bounds the pixels of one frame, in bytes: what is packed in a few
	// milliseconds. leastRaw is tried however badly the last frame was packed.
	mostRaw  = 4 << 20
	leastRaw = 4 * side * flat
	// mostTiles and mostMoves bound a frame's lists.
	mostTiles = 16 << 10
	mostMoves = 16
	// window is how far back zstd looks: a few rows of tiles. More costs every
	// viewer memory on both sides.
	window = 512 << 10
)

// Encoder knows the picture as one viewer has it. A frame is made by Begin,
// any number of Add, and Finish.
type Encoder struct {
	size   image.Point
	stride int
	seen   []byte // B G R x
	zstd   *zstd.Encoder
	rows   rowIndex
	drags  dragIndex

	budget, limit, height int
	frame                 Frame
	raw                   []byte // the tiles' pixels, B G R x
	pixels, packed, out   []byte
	ends                  []int // where each tile's pixels end in raw
	ratio                 float64
	whole                 bool // the viewer knows that its picture is
}

// NewEncoder makes an encoder for a picture of a size, which begins black. Its
// frames are numbered from the one behind last on.
func NewEncoder(size image.Point, last uint32) (*Encoder, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &Encoder{
		size: size, stride: 4 * size.X, seen: make([]byte, 4*size.X*size.Y), zstd: z, ratio: 1,
		rows: newRowIndex(), drags: dragIndex{votes: map[image.Point]int{}}, frame: Frame{Number: last},
	}, nil
}

func checkSize(size image.Point) error {
	if size.X < 1 || size.Y < 1 || size.X > MaxSide || size.Y > MaxSide || size.X*size.Y > MaxPixels {
		return fmt.Errorf("a picture of %d by %d pixels: %w", size.X, size.Y, ErrFrame)
	}
	return nil
}

// Begin begins a frame that may take about budget bytes.
func (e *Encoder) Begin(budget int) {
	e.budget, e.height = budget, side
	if budget < thinLink {
		e.height = flat
	}
	e.limit = int(min(max(float64(budget)/e.ratio, leastRaw), mostRaw))
	e.frame.Copies, e.frame.Tiles = e.frame.Copies[:0], e.frame.Tiles[:0]
	e.raw, e.ends = e.raw[:0], e.ends[:0]
}

// Number is the last frame's.
func (e *Encoder) Number() uint32 { return e.frame.Number }

// Full tells that the frame takes no more pixels.
func (e *Encoder) Full() bool { return len(e.raw) >= e.limit || len(e.frame.Tiles) >= mostTiles }

// Add compares grabbed pixels, B G R x row by row, with the picture and puts
// into the frame what differs. It gives what found no room: it is to be
// grabbed and added again.
func (e *Encoder) Add(r image.Rectangle, pixels []byte) (left []image.Rectangle) {
	if len(e.frame.Tiles) == 0 && len(e.frame.Copies) < mostMoves {
		before := len(e.frame.Copies)
		if e.findMoves(r, pixels); len(e.frame.Copies) == before {
			e.findDrag(r, pixels)
		}
	}
	stride := 4 * r.Dx()
	for y := r.Min.Y; y < r.Max.Y; {
		next := min((y/e.height+1)*e.height, r.Max.Y)
		band := image.Rect(r.Min.X, y, r.Max.X, next)
		y = next
		top, bottom := e.changedRows(band, pixels[(band.Min.Y-r.Min.Y)*stride:])
		if top == bottom {
			continue
		}
		if e.Full() {
			left = append(left, image.Rect(band.Min.X, top, band.Max.X, bottom))
			continue
		}
		for x := band.Min.X; x < band.Max.X; {
			next := min((x/side+1)*side, band.Max.X)
			t := e.trim(image.Rect(x, top, next, bottom), r, pixels)
			x = next
			switch {
			case t.Empty():
			case e.Full():
				left = append(left, t)
			default:
				e.take(t, r, pixels)
			}
		}
	}
	return left
}

// changedRows gives the first differing row of a band and the one behind the
// last.
func (e *Encoder) changedRows(band image.Rectangle, pixels []byte) (top, bottom int) {
	n := 4 * band.Dx()
	for y := band.Min.Y; y < band.Max.Y; y++ {
		at := y*e.stride + 4*band.Min.X
		if bytes.Equal(e.seen[at:at+n], pixels[:n]) {
			pixels = pixels[n:]
			continue
		}
		pixels = pixels[n:]
		if bottom == 0 {
			top = y
		}
		bottom = y + 1
	}
	if bottom == 0 {
		return 0, 0
	}
	return top, bottom
}

// trim gives the part of a tile that differs. The fourth byte of a pixel does
// not count: servers leave there what they like.
func (e *Encoder) trim(t, r image.Rectangle, pixels []byte) image.Rectangle {
	out := image.Rectangle{}
	left, right := t.Max.X, t.Min.X
	for y := t.Min.Y; y < t.Max.Y; y++ {
		at := y*e.stride + 4*t.Min.X
		own := 4 * ((y-r.Min.Y)*r.Dx() + t.Min.X - r.Min.X)
		a, b := e.seen[at:at+4*t.Dx()], pixels[own:own+4*t.Dx()]
		if bytes.Equal(a, b) {
			continue
		}
		first := 0
		for first < t.Dx() && same(a, b, first) {
			first++
		}
		if first == t.Dx() {
			continue
		}
		last := t.Dx() - 1
		for last > max(first, right-t.Min.X-1) && same(a, b, last) {
			last--
		}
		left, right = min(left, t.Min.X+first), max(right, t.Min.X+last+1)
		if out.Max.Y == 0 {
			out.Min.Y = y
		}
		out.Max.Y = y + 1
	}
	out.Min.X, out.Max.X = left, right
	return out
}

func same(a, b []byte, x int) bool {
	le := binary.LittleEndian
	return (le.Uint32(a[4*x:])^le.Uint32(b[4*x:]))&0xffffff == 0 && a[4*x+3] != unknown
}

// take puts a tile into the frame.
func (e *Encoder) take(t, r image.Rectangle, pixels []byte) {
	for y := t.Min.Y; y < t.Max.Y; y++ {
		own := 4 * ((y-r.Min.Y)*r.Dx() + t.Min.X - r.Min.X)
		e.raw = append(e.raw, pixels[own:own+4*t.Dx()]...)
	}
	e.frame.Tiles = append(e.frame.Tiles, t)
	e.ends = append(e.ends, len(e.raw))
}

// swap gives the pixels as they travel: R G B 255.
func (e *Encoder) swap() {
	le := binary.LittleEndian
	e.pixels = append(e.pixels[:0], e.raw...)
	for out := e.pixels; len(out) >= 4; out = out[4:] {
		p := le.Uint32(out)
		le.PutUint32(out, p&0xff00|p>>16&0xff|p&0xff<<16|0xff000000)
	}
}

// Finish packs the frame and gives it, good until the next Finish, and what
// of the pixels was left out after all, because they were packed worse than
// was thought. Complete says that all of the display was added. Where the
// viewer would learn nothing there is no frame. The time is in ms.
func (e *Encoder) Finish(time uint32, complete bool) (frame []byte, left []image.Rectangle, err error) {
	f := &e.frame
	if len(f.Tiles) == 0 && len(f.Copies) == 0 && (!complete || e.whole) {
		return nil, nil, nil
	}
	e.packed = e.packed[:0]
	if len(e.raw) > 0 {
		left = e.pack()
	}
	f.Number++
	f.Time, f.Flags, f.Raw = time, 0, len(e.raw)
	if e.whole = complete && len(left) == 0; e.whole {
		f.Flags = Complete
	}
	e.out = f.append(e.out[:0])
	e.out = append(e.out, e.packed...)
	if len(e.out) > MaxFrame {
		return nil, nil, fmt.Errorf("%d bytes: %w", len(e.out), ErrFrame)
	}
	rest := e.raw
	for _, t := range f.Tiles {
		for y := t.Min.Y; y < t.Max.Y; y++ {
			at := y*e.stride + 4*t.Min.X
			copy(e.seen[at:], rest[:4*t.Dx()])
			rest = rest[4*t.Dx():]
		}
	}
	return e.out, left, nil
}

// pack packs the pixels, and fewer of them where they come out much longer
// than the budget.
func (e *Encoder) pack() (left []image.Rectangle) {
	f := &e.frame
	e.swap()
	for {
		e.packed = e.zstd.EncodeAll(e.pixels[:len(e.raw)], e.packed[:0])
		ratio := float64(len(e.packed)) / float64(len(e.raw))
		if ratio > e.ratio {
			e.ratio = ratio
		} else {
			e.ratio = max((e.ratio+ratio)/2, 0.002)
		}
		n := len(f.Tiles)
		if len(e.packed) <= e.budget+e.budget/4 || n == 1 {
			return left
		}
		room := float64(e.budget) / ratio
		for n > 1 && float64(e.ends[n-1]) > room {
			n--
		}
		left = append(left, f.Tiles[n:]...)
		f.Tiles, e.ends = f.Tiles[:n], e.ends[:n]
		e.raw = e.raw[:e.ends[n-1]]
	}
}

// Close gives back what the encoder holds.
func (e *Encoder) Close() { _ = e.zstd.Close() }
