//go:build linux

package x11

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/words"
)

const (
	// maxCopy bounds what travels at once, in bytes.
	maxCopy = 8 << 20
	// maxCopies bounds how often, each way and minute: each is a record of the
	// audit log.
	maxCopies = 12
	// copyPart is how much of a copy one event carries.
	copyPart = 12 << 10

	mimeText = "text/plain;charset=utf-8"
	mimePNG  = "image/png"
	magicPNG = "\x89PNG\r\n\x1a\n"
)

// content is what is copied.
type content struct {
	mime string
	data []byte
}

// words are the audit log's.
func (c content) words(way string) string {
	what := "text"
	if c.mime == mimePNG {
		what = "a picture"
	}
	return fmt.Sprintf("copied %s, %d bytes, %s", what, len(c.data), way)
}

// check finds what is not what it says to be.
func (c content) check() error {
	switch {
	case c.mime == mimeText && !utf8.Valid(c.data):
		return errors.New("text that is not UTF-8")
	case c.mime == mimePNG && !bytes.HasPrefix(c.data, []byte(magicPNG)):
		return errors.New("a picture that is no PNG")
	case c.mime != mimeText && c.mime != mimePNG:
		return fmt.Errorf("%.40q, which is neither text nor a PNG", c.mime)
	}
	return nil
}

// clipboard is a seat's: it owns the display's CLIPBOARD once the viewer has
// copied something, and reads it when a program of the display has.
//
//	viewer --ScreenClipboard--> take --> own --> offer (selection requests)
//	owner changes --> read: TARGETS, then data, whole or by INCR --> emit
type clipboard struct {
	s      *seat
	window xproto.Window
	atoms  map[string]xproto.Atom
	events chan event
	quit   chan struct{}
	work   sync.WaitGroup

	mu     sync.Mutex
	own    content // what is offered
	coming content
	total  int
	out    *content        // waits to be sent; the newest wins
	note   *words.Sentence // waits to be said
	wake   chan struct{}
	count  [2]rate

	// Of run alone.
	reading reading
	handing []*handing
	latinOf []byte // a text, and the same in Latin 1
	latinIs []byte
}

// rate counts within a minute.
type rate struct {
	since time.Time
	n     int
}

func (r *rate) take(now time.Time) bool {
	if now.Sub(r.since) >= time.Minute {
		r.since, r.n = now, 0
	}
	r.n++
	return r.n <= maxCopies
}

// spent tells that no more is taken within this minute.
func (r *rate) spent(now time.Time) bool { return now.Sub(r.since) < time.Minute && r.n >= maxCopies }

func openClipboard(s *seat) (*clipboard, error) {
	c := &clipboard{s: s, atoms: map[string]xproto.Atom{}, events: make(chan event, 256), quit: make(chan struct{}), wake: make(chan struct{}, 1)}
	for _, name := range []string{
		"CLIPBOARD", "TARGETS", "TIMESTAMP", "INCR", "UTF8_STRING", "TEXT", "text/plain", mimeText, mimePNG, "_WARREN_CLIPBOARD",
	} {
		r, err := xproto.InternAtom(s.Conn, false, uint16(len(name)), name).Reply() //nolint:gosec // short names
		if err != nil {
			return nil, err
		}
		c.atoms[name] = r.Atom
	}
	c.atoms["STRING"] = xproto.AtomString
	var err error
	if c.window, err = xproto.NewWindowId(s.Conn); err != nil {
		return nil, err
	}
	err = xproto.CreateWindowChecked(s.Conn, 0, c.window, s.screen.Root, -10, -10, 1, 1, 0,
		xproto.WindowClassInputOnly, 0, xproto.CwOverrideRedirect|xproto.CwEventMask, []uint32{1, xproto.EventMaskPropertyChange}).Check()
	if err != nil {
		return nil, err
	}
	if _, out := s.Clipboard(); out {
		if err := s.extension(extFixes); err != nil {
			return nil, err
		}
		if _, err := xfixes.QueryVersion(s.Conn, 5, 0).Reply(); err != nil {
			return nil, err
		}
		err := xfixes.SelectSelectionInputChecked(s.Conn, c.window, c.atoms["CLIPBOARD"], xfixes.SelectionEventMaskSetSelectionOwner).Check()
		if err != nil {
			return nil, err
		}
	}
	c.work.Go(c.run)
	c.work.Go(c.send)
	return c, nil
}

// handle passes on what concerns the clipboard. l is the seat's link, which
// Seat may be writing down just then.
func (c *clipboard) handle(l *link, e event) {
	switch e.number {
	case xproto.SelectionRequest, xproto.SelectionNotify, xproto.SelectionClear, xproto.PropertyNotify:
	default:
		if !l.is(e, extFixes, xfixes.SelectionNotify) {
			return
		}
	}
	select {
	case c.events <- e:
	default: // a program that asks faster than it is answered
	}
}

// take puts a copy of the viewer's together, and owns the selection when it is
// whole.
func (c *clipboard) take(_ context.Context, p *warrenv1.ScreenClipboard) error {
	if in, _ := c.s.Clipboard(); !in {
		return screen.Unable(words.NoCopyIn.Say())
	}
	if p.GetTotal() > maxCopy {
		return screen.Unable(words.CopyTooLarge.Say(strconv.Itoa(maxCopy >> 20)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.GetOffset() == 0 {
		c.coming, c.total = content{mime: p.GetMime()}, int(p.GetTotal())
	}
	switch {
	case p.GetMime() != c.coming.mime || int(p.GetOffset()) != len(c.coming.data) || int(p.GetTotal()) != c.total:
		return fmt.Errorf("a part of a copy out of turn: %w", session.ErrInvalid)
	case len(c.coming.data)+len(p.GetPart()) > c.total || c.total == 0:
		return fmt.Errorf("a copy longer than it says: %w", session.ErrInvalid)
	}
	c.coming.data = append(c.coming.data, p.GetPart()...)
	if len(c.coming.data) < c.total {
		return nil
	}
	whole := c.coming
	c.coming, c.total = content{}, 0
	if err := whole.check(); err != nil {
		return fmt.Errorf("%w: %w", err, session.ErrInvalid)
	}
	if !c.count[0].take(time.Now()) {
		return screen.Unable(words.TooManyCopies.Say(strconv.Itoa(maxCopies)))
	}
	c.own = whole
	err := c.s.ask(func() error {
		if err := xproto.SetSelectionOwnerChecked(c.s.Conn, c.window, c.atoms["CLIPBOARD"], xproto.TimeCurrentTime).Check(); err != nil {
			return err
		}
		return c.s.keys.sync()
	})
	if err == nil {
		c.audit(whole.words("to the device"))
	}
	return err
}

func (c *clipboard) audit(what string) {
	if note := c.s.options.Request.Note; note != nil {
		note(what)
	}
}

// run serves the selection until close.
func (c *clipboard) run() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-c.quit:
			return
		case <-c.s.done:
			return
		case e := <-c.events:
			err = c.s.ask(func() error { return c.tell(e) })
		case now := <-tick.C:
			c.expire(now)
		}
		if errors.Is(err, screen.ErrGone) {
			return
		}
	}
}

// tell does what an event asks for.
func (c *clipboard) tell(e event) error {
	switch e := e.Event.(type) {
	case xproto.SelectionRequestEvent:
		c.offer(e)
	case xproto.SelectionNotifyEvent:
		c.came(e)
	case xproto.PropertyNotifyEvent:
		if e.Window == c.window && e.State == xproto.PropertyNewValue {
			c.more(e.Atom)
		} else if e.State == xproto.PropertyDelete {
			c.handOn(e.Window, e.Atom)
		}
	case rawEvent: // another owner
		if b := e.Bytes(); len(b) >= 12 {
			if owner := xproto.Window(le32(b[8:])); owner != c.window && owner != xproto.WindowNone {
				c.read()
			}
		}
	}
	return nil
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// deliver hands what was read to send.
func (c *clipboard) deliver(got content) {
	if got.check() != nil || len(got.data) == 0 {
		return
	}
	c.queue(func() { c.out = &got })
}

// queue puts something down for send, if not too much came within a minute.
func (c *clipboard) queue(put func()) {
	c.mu.Lock()
	if c.count[1].take(time.Now()) {
		put()
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// send emits what was read, in parts, and notes, until close.
func (c *clipboard) send() {
	for {
		select {
		case <-c.quit:
			return
		case <-c.s.done:
			return
		case <-c.wake:
		}
		c.mu.Lock()
		next, note := c.out, c.note
		c.out, c.note = nil, nil
		c.mu.Unlock()
		if note != nil && c.s.options.Emit(screen.NoteOf(*note)) != nil {
			return
		}
		if next == nil {
			continue
		}
		c.audit(next.words("from the device"))
		for at := 0; at < len(next.data); at += copyPart {
			part := &warrenv1.ScreenClipboard{
				Mime: next.mime, Total: uint32(len(next.data)), Offset: uint32(at), //nolint:gosec // bounded by maxCopy
				Part: next.data[at:min(at+copyPart, len(next.data))],
			}
			if c.s.options.Emit(&warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Clipboard{Clipboard: part}}) != nil {
				return
			}
		}
	}
}

// close ends it; the connection takes the window along, and with it what was
// offered.
func (c *clipboard) close() {
	close(c.quit)
	c.work.Wait()
}
