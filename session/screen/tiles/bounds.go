package tiles

// What a frame may hold.
const (
	// MaxSide bounds a picture's width and height: 8K and some more.
	MaxSide = 16384
	// MaxPixels bounds a picture: an 8K screen twice.
	MaxPixels = 2 * 7680 * 4320
	// MaxFrame bounds a frame's bytes.
	MaxFrame = 32 << 20
	// MaxRaw bounds what a frame's pixels unpack to.
	MaxRaw = 32 << 20
)
