//go:build linux

package x11

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // xgb has one of its own, which is silenced
	"net"
	"os"
	"sync"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"warren/session/screen"
)

const (
	// maxReply bounds what a server answers at once: a grab over the socket, and
	// room for lists.
	maxReply = 4*screen.MaxGrab + 1<<20
	// connectTime is how long a server may take to let us in.
	connectTime = 2 * time.Second
	// closing bounds how long a server may take to let go at the end.
	closing    = time.Second
	cookieName = "MIT-MAGIC-COOKIE-1"
)

// errServer is what answers out of shape wrap.
var errServer = errors.New("the X server's answer is not acceptable")

// link is one connection to a server. Requests may be made from any goroutine.
//
// Extensions are opened by extension, never by xgb's Init functions: those
// write maps that all connections of the process read.
type link struct {
	*xgb.Conn
	raw    net.Conn
	place  place
	key    *cookie // that opened it, nil where none was shown
	guard  *guard
	screen xproto.ScreenInfo
	order  byte // of an image's bytes
	pixel  map[byte]byte
	mu     sync.Mutex
	// extensions are those that are open.
	extensions map[string]opened
	unwatch    func() bool   // the end of connect's context
	done       chan struct{} // closed when the connection has ended and its last event is handled
}

// event is an event of the server: its number in the protocol and its 32
// bytes. Those of extensions are told by link.is.
type event struct {
	xgb.Event
	number byte
}

// opened is what is known of an open extension.
type opened struct{ firstEvent byte }

// rawEvent and rawError are those of all extensions.
type rawEvent []byte

func (e rawEvent) Bytes() []byte  { return e }
func (e rawEvent) String() string { return fmt.Sprintf("event %d", e[0]&0x7f) }

type rawError []byte

func (e rawError) SequenceId() uint16 { return xgb.Get16(e[2:]) }
func (e rawError) BadId() uint32      { return xgb.Get32(e[4:]) }
func (e rawError) Error() string {
	return fmt.Sprintf("X error %d, request %d.%d", e[1], e[10], xgb.Get16(e[8:]))
}

// prepare makes xgb fit for more than one connection. Its maps of events and
// errors are read by every connection without a lock, so they are filled
// before the first one, with what keeps an extension's bytes as they are: its
// numbers differ from server to server. And it would print on stderr.
var prepare = sync.OnceFunc(func() { //nolint:gochecknoglobals // once a process
	xgb.Logger = log.New(io.Discard, "", 0)
	for n := 2; n < 128; n++ {
		if _, known := xgb.NewEventFuncs[n]; !known {
			xgb.NewEventFuncs[n] = func(b []byte) xgb.Event { return rawEvent(b) }
		}
	}
	for n := range 256 {
		if _, known := xgb.NewErrorFuncs[n]; !known {
			xgb.NewErrorFuncs[n] = func(b []byte) xgb.Error { return rawError(b) }
		}
	}
})

// connect speaks to the server at p. Each event is given to handle, from one
// goroutine, which must not ask the server anything there: it may come before
// connect returns. A second after ctx has ended the connection does too, for a
// server that hangs answers nothing.
func connect(ctx context.Context, p place, handle func(*link, event)) (*link, error) {
	err := fmt.Errorf("display %s: %w", p.name, screen.ErrGone)
	for i := -1; i < len(p.cookies); i++ {
		var key *cookie
		if i >= 0 {
			key = &p.cookies[i]
		}
		l, failed := connectWith(ctx, p, key, handle)
		if failed == nil {
			return l, nil
		}
		if errors.Is(failed, errForeign) {
			continue
		}
		err = failed
		if errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			return nil, err // it does not answer, whatever it is shown
		}
	}
	return nil, err
}

// errForeign is a server that a key is not for.
var errForeign = errors.New("the X server is another user's than the key")

func connectWith(ctx context.Context, p place, key *cookie, handle func(*link, event)) (l *link, err error) {
	raw, err := dial(ctx, p, key)
	if err != nil {
		return nil, fmt.Errorf("display %s: %w", p.name, err)
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	var shown []byte
	if key != nil {
		shown = key.data
	}
	l, err = greet(raw, shown, handle)
	if !stop() {
		if err == nil {
			_ = l.Close()
		}
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("display %s: %w", p.name, err)
	}
	l.place, l.key = p, key
	l.unwatch = context.AfterFunc(ctx, func() { time.AfterFunc(closing, func() { raw.Close() }) })
	return l, nil
}

// dial reaches the server at p, which is one that key is for.
func dial(ctx context.Context, p place, key *cookie) (net.Conn, error) {
	raw, err := (&net.Dialer{Timeout: connectTime}).DialContext(ctx, "unix", p.socket)
	if err != nil || key == nil {
		return raw, err
	}
	uid, err := listens(raw)
	if err == nil && !key.fits(uid) {
		err = errForeign
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return raw, nil
}

// greet makes a link of a connection, which is closed where that fails.
func greet(raw net.Conn, shown []byte, handle func(*link, event)) (l *link, err error) {
	prepare()
	l = &link{raw: raw, extensions: map[string]opened{}, pixel: map[byte]byte{}, done: make(chan struct{}), unwatch: func() bool { return true }}
	if err := raw.SetDeadline(time.Now().Add(connectTime)); err != nil {
		raw.Close()
		return nil, err
	}
	err = safely(func() error {
		l.guard = &guard{Conn: raw, buffered: bufio.NewReaderSize(raw, 16<<10), hello: hello(shown)}
		c, err := xgb.NewConnNet(l.guard)
		if err != nil {
			return err
		}
		l.Conn = c
		setup := xproto.Setup(c)
		if len(setup.Roots) == 0 {
			return errServer
		}
		l.screen, l.order = setup.Roots[0], setup.ImageByteOrder
		for _, f := range setup.PixmapFormats {
			l.pixel[f.Depth] = f.BitsPerPixel
		}
		return nil
	})
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	if err != nil {
		raw.Close()
		if l.Conn != nil {
			l.serve(func(*link, event) {})
		}
		return nil, err
	}
	go l.serve(handle) // ends when the connection does; Close waits for it
	return l, nil
}

// serve hands events on until the connection has ended.
func (l *link) serve(handle func(*link, event)) {
	defer close(l.done)
	for {
		e, err := l.WaitForEvent()
		if e == nil && err == nil {
			return
		}
		if e != nil {
			handle(l, event{e, e.Bytes()[0] & 0x7f})
		}
	}
}

// Close ends the connection; what waits for an answer gets screen.ErrGone.
func (l *link) Close() error {
	l.unwatch()
	l.raw.Close()
	<-l.done
	return nil
}

// extension opens an extension by its name.
func (l *link) extension(name string) error {
	return l.ask(func() error {
		r, err := xproto.QueryExtension(l.Conn, uint16(len(name)), name).Reply() //nolint:gosec // a short name
		if err != nil {
			return err
		}
		if !r.Present {
			return fmt.Errorf("the X server has no %s: %w", name, screen.ErrUnable)
		}
		l.ExtLock.Lock()
		defer l.ExtLock.Unlock()
		l.Extensions[name] = r.MajorOpcode
		l.guard.learn(r.MajorOpcode, name)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.extensions[name] = opened{r.FirstEvent}
		return nil
	})
}

// has tells that an extension is open.
func (l *link) has(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, open := l.extensions[name]
	return open
}

// is tells that e is the nth event of an open extension.
func (l *link) is(e event, name string, n byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, open := l.extensions[name]
	return open && e.number == x.firstEvent+n
}

// ask runs what speaks to the server. The end of the connection is
// screen.ErrGone, and bytes that xgb falls over are an error.
func (l *link) ask(f func() error) error {
	err := safely(f)
	if errors.Is(err, io.EOF) {
		return screen.ErrGone
	}
	return err
}

func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errServer, p)
		}
	}()
	return f()
}

// hello is a client's first message: its byte order, version, and key.
func hello(cookie []byte) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{'l', 0}, 11)
	b = binary.LittleEndian.AppendUint16(b, 0)
	name := ""
	if cookie != nil {
		name = cookieName
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))   //nolint:gosec // a constant
	b = binary.LittleEndian.AppendUint16(b, uint16(len(cookie))) //nolint:gosec // bounded by parseAuthority
	b = append(b, 0, 0)
	for _, s := range [][]byte{[]byte(name), cookie} {
		b = append(b, s...)
		b = append(b, make([]byte, -len(s)&3)...)
	}
	return b
}
