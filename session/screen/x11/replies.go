//go:build linux

package x11

import (
	"encoding/binary"
	"fmt"
	"image"

	"github.com/jezek/xgb/xproto"
)

// Three replies carry a count of 32 bits, or a product, that xgb allocates by
// before it looks at what has come: a server that lies would end the process.
// They are read here, after the bytes that there are.

// A reply's head, in bytes, and the requests' minor numbers.
const (
	replyHead         = 32
	randrGetMonitors  = 42
	fixesCursorImage  = 4
	coreGetProperty   = 20
	monitorSize       = 24
	maxMonitorOutputs = 1 << 10
)

// answer sends a request and gives its reply, of at least the head.
func (l *link) answer(request []byte, least int) ([]byte, error) {
	cookie := l.NewCookie(true, true)
	l.NewRequest(request, cookie)
	reply, err := cookie.Reply()
	if err == nil && len(reply) < least {
		err = fmt.Errorf("a reply of %d bytes: %w", len(reply), errServer)
	}
	return reply, err
}

// opcode is an open extension's number.
func (l *link) opcode(extension string) byte {
	l.ExtLock.RLock()
	defer l.ExtLock.RUnlock()
	return l.Extensions[extension]
}

// monitor is one that RandR knows.
type monitor struct {
	name    xproto.Atom
	primary bool
	bounds  image.Rectangle
}

// getMonitors asks RandR for the active monitors.
func (l *link) getMonitors() ([]monitor, error) {
	request := make([]byte, 12)
	request[0], request[1] = l.opcode(extRandR), randrGetMonitors
	binary.LittleEndian.PutUint16(request[2:], 3)
	binary.LittleEndian.PutUint32(request[4:], uint32(l.screen.Root))
	request[8] = 1
	reply, err := l.answer(request, replyHead)
	if err != nil {
		return nil, err
	}
	return readMonitors(reply)
}

func readMonitors(reply []byte) (out []monitor, err error) {
	count := binary.LittleEndian.Uint32(reply[12:])
	rest := reply[replyHead:]
	for range count {
		if len(rest) < monitorSize {
			return nil, fmt.Errorf("%d monitors in %d bytes: %w", count, len(reply), errServer)
		}
		outputs := int(binary.LittleEndian.Uint16(rest[6:]))
		if outputs > maxMonitorOutputs || len(rest) < monitorSize+4*outputs {
			return nil, fmt.Errorf("a monitor of %d outputs: %w", outputs, errServer)
		}
		side := func(at int) uint16 { return binary.LittleEndian.Uint16(rest[at:]) }
		out = append(out, monitor{
			name: xproto.Atom(binary.LittleEndian.Uint32(rest)), primary: rest[4] == 1,
			bounds: rectangle(int16(side(8)), int16(side(10)), side(12), side(14)), //nolint:gosec // as the protocol has it
		})
		rest = rest[monitorSize+4*outputs:]
	}
	return out, nil
}

// property is what a window's property held.
type property struct {
	kind   xproto.Atom
	format byte // bits of an element
	value  []byte
	more   bool // it is longer than was asked for
}

// takeProperty reads up to most bytes of a property and deletes it.
func (l *link) takeProperty(window xproto.Window, name xproto.Atom, most uint32) (property, error) {
	return l.getProperty(window, name, most, 1)
}

// readProperty is the same, and leaves it where it is.
func (l *link) readProperty(window xproto.Window, name xproto.Atom, most uint32) (property, error) {
	return l.getProperty(window, name, most, 0)
}

func (l *link) getProperty(window xproto.Window, name xproto.Atom, most uint32, deletes byte) (property, error) {
	request := make([]byte, 24)
	request[0], request[1] = coreGetProperty, deletes
	binary.LittleEndian.PutUint16(request[2:], 6)
	binary.LittleEndian.PutUint32(request[4:], uint32(window))
	binary.LittleEndian.PutUint32(request[8:], uint32(name))
	binary.LittleEndian.PutUint32(request[12:], xproto.GetPropertyTypeAny)
	binary.LittleEndian.PutUint32(request[20:], most/4)
	reply, err := l.answer(request, replyHead)
	if err != nil {
		return property{}, err
	}
	return propertyIn(reply)
}

func propertyIn(reply []byte) (property, error) {
	length := uint64(binary.LittleEndian.Uint32(reply[16:])) * uint64(reply[1]/8)
	if length > uint64(len(reply)-replyHead) {
		return property{}, fmt.Errorf("a property of %d bytes in %d: %w", length, len(reply), errServer)
	}
	return property{
		kind: xproto.Atom(binary.LittleEndian.Uint32(reply[8:])), format: reply[1], value: reply[replyHead : replyHead+length],
		more: binary.LittleEndian.Uint32(reply[12:]) > 0,
	}, nil
}

// cursorImage is the pointer's shape, in premultiplied ARGB.
type cursorImage struct {
	serial    uint32
	size, hot image.Point
	argb      []uint32
}

// getCursor asks XFixes for the pointer's shape.
func (l *link) getCursor() (cursorImage, error) {
	request := make([]byte, 4)
	request[0], request[1] = l.opcode(extFixes), fixesCursorImage
	binary.LittleEndian.PutUint16(request[2:], 1)
	reply, err := l.answer(request, replyHead)
	if err != nil {
		return cursorImage{}, err
	}
	return readCursor(reply)
}

func readCursor(reply []byte) (cursorImage, error) {
	side := func(at int) int { return int(binary.LittleEndian.Uint16(reply[at:])) }
	c := cursorImage{
		serial: binary.LittleEndian.Uint32(reply[20:]),
		size:   image.Pt(side(12), side(14)), hot: image.Pt(side(16), side(18)),
	}
	pixels := reply[replyHead:]
	if 4*c.size.X*c.size.Y > len(pixels) {
		return cursorImage{}, fmt.Errorf("a cursor of %v in %d bytes: %w", c.size, len(reply), errServer)
	}
	for at := range c.size.X * c.size.Y {
		c.argb = append(c.argb, binary.LittleEndian.Uint32(pixels[4*at:]))
	}
	return c, nil
}
