package codec

import (
	"errors"
	"fmt"
	"image"
	"log/slog"
	"runtime"
	"time"
)

// Codec is a kind of video, by its number in a frame.
type Codec uint8

// The codecs that the helper knows.
const (
	VP9 Codec = 1 // quick from the first picture on
	AV1 Codec = 2 // half the bits of VP9; its first picture takes half a second
)

func (c Codec) String() string {
	switch c {
	case VP9:
		return "VP9"
	case AV1:
		return "AV1"
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

const (
	maxSide    = 8192
	maxKbit    = 1_000_000
	maxThreads = 16
	maxRects   = 256
	maxPacket  = 31 << 20 // a frame of the screen is 32 MiB at most
)

var (
	// ErrMissing is a build, or a system, without the helper.
	ErrMissing = errors.New("this build of warren carries no video codecs")
	// ErrGivenUp is a helper that died again and again.
	ErrGivenUp = errors.New("the video codec failed again and again")
	// ErrClosed is an Encoder after Close.
	ErrClosed = errors.New("the video encoder is closed")
)

// Options say what is encoded, and how. They stay for the life of an Encoder,
// but for the rate.
type Options struct {
	Codec         Codec
	Width, Height int // of the pictures, 1 to 8192
	// Kbit is the rate aimed at, in kbit/s. Zero is 4000.
	Kbit int
	// Threads of the encoder, at most 16. Zero is one, and one more for each
	// million pixels, at most four and no more than there are cores.
	Threads int
	// Patience is how long one picture may take. Zero is ten seconds and one for
	// each million pixels: a first picture of AV1 on a busy machine takes some.
	Patience time.Duration
	// Log is told of helpers that die. Nil is nobody.
	Log *slog.Logger
}

// Packet is an encoded picture.
type Packet struct {
	// Bytes are the codec's, without a container, and the caller's to keep. None:
	// the codec left the picture out, and the next one makes up for it.
	Bytes []byte
	// Key tells that a decoder can begin here.
	Key bool
	// Quarters of width and height are encoded: fewer than four where a film would
	// take too long; 0 is all, from a codec that never does so.
	Quarters int
	// Convert and Encode are how long the helper took.
	Convert, Encode time.Duration
}

func (o *Options) check() error {
	switch {
	case o.Codec != VP9 && o.Codec != AV1:
		return fmt.Errorf("%s is not known", o.Codec)
	case o.Width < 1 || o.Height < 1 || o.Width > maxSide || o.Height > maxSide:
		return fmt.Errorf("a picture of %d x %d cannot be encoded, only 1 x 1 to %d x %d", o.Width, o.Height, maxSide, maxSide)
	case o.Threads < 0 || o.Threads > maxThreads:
		return fmt.Errorf("%d threads are not 0 to %d", o.Threads, maxThreads)
	case o.Kbit < 0 || o.Kbit > maxKbit:
		return fmt.Errorf("%d kbit/s are not 0 to %d", o.Kbit, maxKbit)
	}
	pixels := o.Width * o.Height
	if o.Threads == 0 {
		o.Threads = min(1+pixels/1_000_000, runtime.NumCPU(), 4)
	}
	if o.Kbit == 0 {
		o.Kbit = 4000
	}
	if o.Patience == 0 {
		o.Patience = 10*time.Second + time.Duration(pixels)*time.Microsecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// coded is the size that the codec sees: even, and not smaller than a block.
func (o *Options) coded() image.Point {
	return image.Pt(max(16, (o.Width+1)&^1), max(16, (o.Height+1)&^1))
}

// lay copies pix, the pixels of r, into the shared picture of size, of
// which own are the caller's, and returns the part of it that the helper has
// to read anew. Beyond the picture's edges its last pixels go on.
func lay(to []byte, size, own image.Point, r image.Rectangle, pix []byte, stride int) image.Rectangle {
	row := size.X * 4
	for y := r.Min.Y; y < r.Max.Y; y++ {
		line := to[y*row : (y+1)*row]
		copy(line[r.Min.X*4:r.Max.X*4], pix[(y-r.Min.Y)*stride:])
		if r.Max.X == own.X {
			for x := own.X; x < size.X; x++ {
				copy(line[x*4:x*4+4], line[(own.X-1)*4:])
			}
		}
	}
	if r.Max.X == own.X {
		r.Max.X = size.X
	}
	if r.Max.Y == own.Y {
		last := to[(own.Y-1)*row:]
		for y := own.Y; y < size.Y; y++ {
			copy(to[y*row+r.Min.X*4:y*row+r.Max.X*4], last[r.Min.X*4:])
		}
		r.Max.Y = size.Y
	}
	return r
}
