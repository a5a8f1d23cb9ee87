//go:build linux

package x11

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/jezek/xgb/xproto"
)

const (
	// incrFrom is from what size on a copy is handed out in pieces, and the size
	// of one.
	incrFrom = 128 << 10
	// handingTime is how long a program may let a piece lie.
	handingTime = 20 * time.Second
	// maxHanding bounds how many programs are served in pieces at a time.
	maxHanding = 16
)

// handing is a copy on its way to a program, in pieces (ICCCM 2.7.2).
type handing struct {
	to       xproto.Window
	property xproto.Atom
	target   xproto.Atom
	rest     []byte
	until    time.Time
}

// offers are the targets in which a content is to be had.
func (c *clipboard) offers(own content) []xproto.Atom {
	if own.mime == mimePNG {
		return []xproto.Atom{c.atoms[mimePNG]}
	}
	return []xproto.Atom{c.atoms["UTF8_STRING"], c.atoms[mimeText], c.atoms["text/plain"], c.atoms["TEXT"], c.atoms["STRING"]}
}

// offer answers a program that pastes.
func (c *clipboard) offer(e xproto.SelectionRequestEvent) {
	c.mu.Lock()
	own := c.own
	c.mu.Unlock()
	property := e.Property
	if property == xproto.AtomNone {
		property = e.Target
	}
	done := c.put(e.Requestor, property, e.Target, own)
	if !done {
		property = xproto.AtomNone
	}
	answer := xproto.SelectionNotifyEvent{Time: e.Time, Requestor: e.Requestor, Selection: e.Selection, Target: e.Target, Property: property}
	xproto.SendEvent(c.s.Conn, false, e.Requestor, 0, string(answer.Bytes()))
}

// put writes a content to a program's property.
func (c *clipboard) put(to xproto.Window, property, target xproto.Atom, own content) bool {
	set := func(kind xproto.Atom, format byte, data []byte) {
		n := len(data) / int(format/8)
		xproto.ChangeProperty(c.s.Conn, xproto.PropModeReplace, to, property, kind, format, uint32(n), data) //nolint:gosec // bounded by maxCopy
	}
	offers := c.offers(own)
	switch {
	case len(own.data) == 0:
		return false
	case target == c.atoms["TARGETS"]:
		var list []byte
		for _, a := range append([]xproto.Atom{c.atoms["TARGETS"]}, offers...) {
			list = binary.LittleEndian.AppendUint32(list, uint32(a))
		}
		set(xproto.AtomAtom, 32, list)
		return true
	case !slices.Contains(offers, target):
		return false
	}
	data := own.data
	kind := target
	switch target {
	case c.atoms["STRING"]:
		data = c.latin(data)
	case c.atoms["TEXT"]:
		kind = c.atoms["UTF8_STRING"]
	}
	if len(data) <= incrFrom {
		set(kind, 8, data)
		return true
	}
	if len(c.handing) >= maxHanding {
		return false
	}
	// The program asks for the next piece by deleting the last.
	xproto.ChangeWindowAttributes(c.s.Conn, to, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
	c.handing = append(c.handing, &handing{to, property, kind, data, time.Now().Add(handingTime)})
	set(c.atoms["INCR"], 32, binary.LittleEndian.AppendUint32(nil, uint32(len(data)))) //nolint:gosec // bounded by maxCopy
	return true
}

// latin is latin1 of what is offered, made once: sixteen programs may lie with
// theirs half taken.
func (c *clipboard) latin(text []byte) []byte {
	if len(c.latinOf) != len(text) || len(text) > 0 && &c.latinOf[0] != &text[0] {
		c.latinOf, c.latinIs = text, latin1(text)
	}
	return c.latinIs
}

// latin1 is a text as STRING has it; what is not in it becomes a question mark.
func latin1(text []byte) (out []byte) {
	for _, r := range string(text) {
		if r > 0xff {
			r = '?'
		}
		out = append(out, byte(r)) //nolint:gosec // bounded above
	}
	return out
}

// handOn gives a program its next piece; an empty one is the end.
func (c *clipboard) handOn(to xproto.Window, property xproto.Atom) {
	i := slices.IndexFunc(c.handing, func(h *handing) bool { return h.to == to && h.property == property })
	if i < 0 {
		return
	}
	h := c.handing[i]
	n := min(len(h.rest), incrFrom)
	xproto.ChangeProperty(c.s.Conn, xproto.PropModeReplace, to, property, h.target, 8, uint32(n), h.rest[:n]) //nolint:gosec // bounded by incrFrom
	h.rest, h.until = h.rest[n:], time.Now().Add(handingTime)
	if n == 0 {
		c.handing = slices.Delete(c.handing, i, i+1)
	}
}

// expire forgets programs that have stopped reading or answering.
func (c *clipboard) expire(now time.Time) {
	c.handing = slices.DeleteFunc(c.handing, func(h *handing) bool { return now.After(h.until) })
	if c.reading.step != idle && now.After(c.reading.until) {
		c.reading = reading{}
	}
}
