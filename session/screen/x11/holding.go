//go:build linux

package x11

import (
	"encoding/binary"
	"os"
	"sync"

	"golang.org/x/sys/unix"

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

// holding is what this node's seats have down and mapped on one display. It
// lies in memory that an heir sees and cannot write.
type holding struct {
	mu   sync.Mutex
	file *os.File // nil: there was none to be had, and there is no heir
	page []byte
}

// newHolding holds nothing.
func newHolding() *holding {
	if h, err := sharedHolding(); err == nil {
		return h
	}
	return &holding{page: make([]byte, holdingSize)}
}

func sharedHolding() (*holding, error) {
	fd, err := unix.MemfdCreate("warren-holding", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "warren-holding")
	h := &holding{file: file}
	if err = unix.Ftruncate(fd, holdingSize); err == nil {
		h.page, err = unix.Mmap(fd, 0, holdingSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_FUTURE_WRITE)
	}
	if err != nil {
		h.free()
		return nil, err
	}
	return h, nil
}

// inherited is the holding in a file that a node has made.
func inherited(file *os.File) (*holding, error) {
	page, err := unix.Mmap(int(file.Fd()), 0, holdingSize, unix.PROT_READ, unix.MAP_SHARED) //nolint:gosec // a descriptor
	return &holding{file: file, page: page}, err
}

func (h *holding) free() {
	if h.file == nil {
		return
	}
	if h.page != nil {
		_ = unix.Munmap(h.page)
	}
	h.file.Close()
}

// set notes one bit from base on.
func (h *holding) set(base int, n byte, down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := base + int(n)/8; down {
		h.page[at] |= 1 << (n % 8)
	} else {
		h.page[at] &^= 1 << (n % 8)
	}
}

// give notes what a keycode means by now; 0 is nothing.
func (h *holding) give(c keys.Keycode, plain, shifted keys.Keysym) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.page[holdingGiven+8*int(c):]
	binary.LittleEndian.PutUint32(at, uint32(plain))
	binary.LittleEndian.PutUint32(at[4:], uint32(shifted))
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
