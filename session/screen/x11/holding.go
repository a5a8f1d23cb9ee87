//go:build linux

package x11

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"warren/session/screen/keys"
)

// Where a holding has what: a bit a key, a bit a button, and for each keycode
// the two keysyms that it was given.
const (
	holdingKeys    = 0
	holdingButtons = 32
	holdingGiven   = 64
	holdingSize    = holdingGiven + 256*8
)

// holding is what this node's seats have down and mapped on one display, also
// in a file, which outlives the node. No map of that file: to write to one may
// end the process where the disk is full.
type holding struct {
	mu   sync.Mutex
	page [holdingSize]byte
	file *os.File // nil: there is none
	path string
}

// openHolding has what a node that died has left of a display.
func openHolding(folder, display string) *holding {
	h := &holding{}
	if folder == "" || os.MkdirAll(folder, 0o700) != nil {
		return h
	}
	path := filepath.Join(folder, strings.TrimPrefix(display, ":"))
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return h
	}
	h.file, h.path = file, path
	h.read(file)
	return h
}

// read takes what is in a file; where that ends, nothing is held.
func (h *holding) read(file io.ReaderAt) { _, _ = file.ReadAt(h.page[:], 0) }

func (h *holding) empty() bool { return h.page == [holdingSize]byte{} }

// clear holds nothing.
func (h *holding) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.page = [holdingSize]byte{}
	h.write(0, holdingSize)
}

// write brings a part of the page into the file, h.mu held.
func (h *holding) write(at, size int) {
	if h.file != nil {
		_, _ = h.file.WriteAt(h.page[at:at+size], int64(at))
	}
}

// remove takes the file away.
func (h *holding) remove() {
	if h.file != nil {
		h.file.Close()
		_ = os.Remove(h.path)
	}
}

// set notes one bit from base on.
func (h *holding) set(base int, n byte, down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := base + int(n)/8
	if down {
		h.page[at] |= 1 << (n % 8)
	} else {
		h.page[at] &^= 1 << (n % 8)
	}
	h.write(at, 1)
}

// give notes what a keycode means by now; 0 is nothing.
func (h *holding) give(c keys.Keycode, plain, shifted keys.Keysym) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := holdingGiven + 8*int(c)
	binary.LittleEndian.PutUint32(h.page[at:], uint32(plain))
	binary.LittleEndian.PutUint32(h.page[at+4:], uint32(shifted))
	h.write(at, 8)
}

// down are the numbers of the bits that are set in size bytes from base on.
func (h *holding) down(base, size int) (out []byte) {
	for n := range 8 * size {
		if h.page[base+n/8]&(1<<(n%8)) != 0 {
			out = append(out, byte(n)) //nolint:gosec // 32 bytes at most
		}
	}
	return out
}

// given are the keycodes that mean something, and what.
func (h *holding) given() map[keys.Keycode][2]keys.Keysym {
	out := map[keys.Keycode][2]keys.Keysym{}
	for c := range 256 {
		at := h.page[holdingGiven+8*c:]
		both := [2]keys.Keysym{keys.Keysym(binary.LittleEndian.Uint32(at)), keys.Keysym(binary.LittleEndian.Uint32(at[4:]))}
		if both != [2]keys.Keysym{} {
			out[keys.Keycode(c)] = both //nolint:gosec // below 256
		}
	}
	return out
}
