//go:build linux

package x11

import (
	"errors"
	"fmt"
	"image"

	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"

	"warren/session"
	"warren/session/screen"
)

// segment is memory shared with the server.
type segment struct {
	id     shm.Seg
	pixels []byte
}

// share makes a segment that this process and the server alone can open, and
// marks it to go with the last of the two: a node that crashes leaves nothing.
func (d *Display) share(size int) (*segment, error) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, size, unix.IPC_CREAT|0o600)
	if err != nil {
		return nil, fmt.Errorf("make shared memory: %w", err)
	}
	defer func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) }()
	// A server that is not root's opens it as its owner.
	if uid, err := listens(d.raw); err == nil {
		var state unix.SysvShmDesc
		if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &state); err != nil {
			return nil, fmt.Errorf("shared memory: %w", err)
		}
		if state.Perm.Uid != uid {
			state.Perm.Uid = uid
			if _, err := unix.SysvShmCtl(id, unix.IPC_SET, &state); err != nil {
				return nil, fmt.Errorf("give shared memory to the X server's user: %w", err)
			}
		}
	}
	pixels, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("attach shared memory: %w", err)
	}
	s := &segment{pixels: pixels}
	err = d.ask(func() error {
		if s.id, err = shm.NewSegId(d.Conn); err != nil {
			return err
		}
		return shm.AttachChecked(d.Conn, s.id, uint32(id), false).Check() //nolint:gosec // the kernel's number
	})
	if err != nil {
		s.free()
		return nil, fmt.Errorf("the X server cannot attach: %w", err)
	}
	return s, nil
}

// free lets go of the segment; the server does so with the connection.
func (s *segment) free() {
	if s != nil && s.pixels != nil {
		_ = unix.SysvShmDetach(s.pixels)
		s.pixels = nil
	}
}

// Grab implements screen.Source.
func (d *Display) Grab(r image.Rectangle) (pixels []byte, err error) {
	if r.Empty() || !r.In(image.Rectangle{Max: d.size}) || r.Dx()*r.Dy() > screen.MaxGrab {
		return nil, fmt.Errorf("grab %v: %w", r, session.ErrInvalid)
	}
	size := 4 * r.Dx() * r.Dy()
	x, y, w, h := int16(r.Min.X), int16(r.Min.Y), uint16(r.Dx()), uint16(r.Dy()) //nolint:gosec // inside the display
	err = d.ask(func() error {
		if d.memory != nil {
			_, err := shm.GetImage(d.Conn, d.root, x, y, w, h, ^uint32(0), xproto.ImageFormatZPixmap, d.memory.id, 0).Reply()
			pixels = d.memory.pixels
			return err
		}
		p, err := xproto.GetImage(d.Conn, xproto.ImageFormatZPixmap, d.root, x, y, w, h, ^uint32(0)).Reply()
		if err == nil {
			pixels = p.Data
		}
		return err
	})
	switch {
	case err == nil && len(pixels) < size:
		return nil, errServer
	case err == nil:
		return pixels[:size], nil
	case errors.Is(err, screen.ErrGone) || errors.Is(err, errServer):
		return nil, err
	default: // a display that has become smaller since
		return nil, fmt.Errorf("grab %v: %w", r, errors.Join(screen.ErrChanged, err))
	}
}
