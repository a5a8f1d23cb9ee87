//go:build linux

package x11

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jezek/xgb/xproto"

	"warren/session/screen/words"
)

// step is how far a reading is.
//
//	idle --owner--> targets --> data --> idle
//	                              \--INCR--> pieces --empty one--> idle
type step int

const (
	idle step = iota
	targets
	data
	pieces
)

// readingTime is how long an owner may take for one answer.
const readingTime = 10 * time.Second

// reading is what a program of the display has copied, on its way.
type reading struct {
	step   step
	target xproto.Atom
	got    []byte
	until  time.Time
}

// read asks the new owner what it has, where that may still travel.
func (c *clipboard) read() {
	c.mu.Lock()
	spent := c.count[1].spent(time.Now())
	c.mu.Unlock()
	if spent {
		return
	}
	c.convert(targets, c.atoms["TARGETS"])
}

func (c *clipboard) convert(next step, target xproto.Atom) {
	c.reading = reading{step: next, target: target, until: time.Now().Add(readingTime)}
	xproto.DeleteProperty(c.s.Conn, c.window, c.atoms["_WARREN_CLIPBOARD"])
	xproto.ConvertSelection(c.s.Conn, c.window, c.atoms["CLIPBOARD"], target, c.atoms["_WARREN_CLIPBOARD"], xproto.TimeCurrentTime)
}

// came is the owner's answer.
func (c *clipboard) came(e xproto.SelectionNotifyEvent) {
	if c.reading.step == idle || c.reading.step == pieces || e.Target != c.reading.target {
		return
	}
	if e.Property == xproto.AtomNone {
		c.reading = reading{}
		return
	}
	kind, value, ok := c.property()
	switch {
	case !ok:
		c.reading = reading{}
	case c.reading.step == targets:
		if target := c.choose(value); target != xproto.AtomNone {
			c.convert(data, target)
			return
		}
		c.reading = reading{}
	case kind == c.atoms["INCR"]:
		c.reading.step, c.reading.until = pieces, time.Now().Add(readingTime)
	default:
		c.reading.got = value
		c.whole()
	}
}

// choose takes text before pictures: who copies a table has both.
func (c *clipboard) choose(list []byte) xproto.Atom {
	var has []xproto.Atom
	for ; len(list) >= 4; list = list[4:] {
		has = append(has, xproto.Atom(binary.LittleEndian.Uint32(list)))
	}
	for _, name := range []string{"UTF8_STRING", mimeText, mimePNG, "STRING"} {
		if slices.Contains(has, c.atoms[name]) {
			return c.atoms[name]
		}
	}
	return xproto.AtomNone
}

// more is the next piece of an INCR.
func (c *clipboard) more(property xproto.Atom) {
	if c.reading.step != pieces || property != c.atoms["_WARREN_CLIPBOARD"] {
		return
	}
	_, value, ok := c.property()
	switch {
	case !ok:
		c.reading = reading{}
	case len(value) == 0:
		c.whole()
	case len(c.reading.got)+len(value) > maxCopy:
		c.tooLong()
	default:
		c.reading.got = append(c.reading.got, value...)
		c.reading.until = time.Now().Add(readingTime)
	}
}

// property takes what the owner has put down.
func (c *clipboard) property() (kind xproto.Atom, value []byte, ok bool) {
	p, err := c.s.takeProperty(c.window, c.atoms["_WARREN_CLIPBOARD"], maxCopy)
	if err != nil {
		return 0, nil, false
	}
	if p.more {
		c.tooLong()
		return 0, nil, false
	}
	return p.kind, p.value, true
}

func (c *clipboard) tooLong() {
	xproto.DeleteProperty(c.s.Conn, c.window, c.atoms["_WARREN_CLIPBOARD"])
	c.reading = reading{}
	c.say(words.CopyStaysThere.Say(strconv.Itoa(maxCopy >> 20)))
}

// say has a note sent, in place of one that still waits.
func (c *clipboard) say(note words.Sentence) {
	c.queue(func() { c.note = &note })
}

// whole hands on what was read.
func (c *clipboard) whole() {
	got := content{mime: mimeText, data: c.reading.got}
	switch c.reading.target {
	case c.atoms[mimePNG]:
		got.mime = mimePNG
	case c.atoms["STRING"]:
		var b strings.Builder
		for _, one := range got.data {
			b.WriteRune(rune(one))
		}
		got.data = []byte(b.String())
	default:
		got.data = bytes.ToValidUTF8(got.data, []byte("\uFFFD"))
	}
	c.reading = reading{}
	c.deliver(got)
}
