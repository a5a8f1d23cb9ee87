//go:build linux

package x11

import (
	"bufio"
	"encoding/binary"
	"errors"
	"image"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/jezek/xgb/xproto"
)

// liar stands before a server, and alters its replies to one request.
type liar struct {
	opcode byte
	lie    func(head []byte)

	mu    sync.Mutex
	asked map[uint16]bool
}

// before gives a place where the server is reached through the liar.
func (y *liar) before(t *testing.T, at place) place {
	t.Helper()
	y.asked = map[uint16]bool{}
	return between(t, at, func(c, x net.Conn) {
		go func() { // ends with c
			defer x.Close()
			_ = y.requests(bufio.NewReader(c), x)
		}()
		go func() { // ends with x
			defer c.Close()
			_ = y.replies(bufio.NewReader(x), c)
		}()
	})
}

// requests passes on what a client says, of which it knows the greeting without
// a key.
func (y *liar) requests(from io.Reader, to io.Writer) error {
	if _, err := io.CopyN(to, from, 12); err != nil {
		return err
	}
	for n := uint16(1); ; n++ {
		head := make([]byte, 4)
		if _, err := io.ReadFull(from, head); err != nil {
			return err
		}
		rest := make([]byte, 4*int(binary.LittleEndian.Uint16(head[2:]))-4)
		if _, err := io.ReadFull(from, rest); err != nil {
			return err
		}
		y.mu.Lock()
		y.asked[n] = head[0] == y.opcode
		y.mu.Unlock()
		if _, err := to.Write(slices.Concat(head, rest)); err != nil {
			return err
		}
	}
}

func (y *liar) replies(from io.Reader, to io.Writer) error {
	head := make([]byte, 8)
	if _, err := io.ReadFull(from, head); err != nil {
		return err
	}
	if _, err := to.Write(head); err != nil {
		return err
	}
	if _, err := io.CopyN(to, from, 4*int64(binary.LittleEndian.Uint16(head[6:]))); err != nil {
		return err
	}
	for {
		head := make([]byte, replyHead)
		if _, err := io.ReadFull(from, head); err != nil {
			return err
		}
		rest := int64(0)
		if head[0] == 1 {
			rest = 4 * int64(binary.LittleEndian.Uint32(head[4:]))
			y.mu.Lock()
			if y.asked[binary.LittleEndian.Uint16(head[2:])] {
				y.lie(head)
			}
			y.mu.Unlock()
		}
		if _, err := to.Write(head); err != nil {
			return err
		}
		if _, err := io.CopyN(to, from, rest); err != nil {
			return err
		}
	}
}

// TestDamageWithoutEnd: what a server says was painted is bounded.
func TestDamageWithoutEnd(t *testing.T) {
	size := image.Pt(300, 200)
	some := []xproto.Rectangle{{X: 10, Y: 20, Width: 30, Height: 40}, {X: -5, Y: -5, Width: 10, Height: 10}, {X: 400, Width: 1, Height: 1}}
	if got := within(some, size); !slices.Equal(got, []image.Rectangle{image.Rect(10, 20, 40, 60), image.Rect(0, 0, 5, 5)}) {
		t.Errorf("%v", got)
	}
	if got := within(slices.Repeat(some, 1<<18), size); !slices.Equal(got, []image.Rectangle{image.Rect(0, 0, 300, 200)}) {
		t.Errorf("%d rectangles", len(got))
	}
}

// TestServerThatLiesWhileTyping: a property of 66 GB that is not there would end
// the process.
func TestServerThatLiesWhileTyping(t *testing.T) {
	s := startServer(t, "-screen", "0", "300x200x24")
	w, _ := s.window(t)
	if err := xproto.SetInputFocusChecked(s.link.Conn, xproto.InputFocusParent, w, xproto.TimeCurrentTime).Check(); err != nil {
		t.Fatal(err)
	}
	y := &liar{opcode: coreGetProperty, lie: func(head []byte) {
		head[1] = 255
		binary.LittleEndian.PutUint32(head[16:], 1<<31-1)
	}}
	l, err := connect(t.Context(), y.before(t, s.place(t)), func(*link, event) {})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	hands := &seat{link: l}
	err = l.ask(func() error {
		protocols, ping, err := hands.pingAtoms()
		if err != nil {
			return err
		}
		_, err = hands.pinged(protocols, ping)
		return err
	})
	if !errors.Is(err, errServer) {
		t.Errorf("a property that is not there: %v", err)
	}
}
