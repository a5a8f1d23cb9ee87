//go:build linux

package x11

import (
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"warren/session"
)

// reader is a program that reads what is typed as slowly as it is told, and
// looks keycodes up as Xlib does: in the map that it asked for when it read that
// this has changed. It answers whether it has read.
type reader struct {
	link *link
	mu   sync.Mutex
	text strings.Builder
}

func (s *server) reader(t *testing.T, slow time.Duration) *reader {
	t.Helper()
	r := &reader{}
	queue := make(chan any, 10_000)
	var err error
	r.link, err = connect(t.Context(), s.place(t), func(_ *link, e event) { queue <- e.Event })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.link.Close() })
	c := r.link.Conn
	atom := func(name string) xproto.Atom {
		a, err := xproto.InternAtom(c, false, uint16(len(name)), name).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return a.Atom
	}
	protocols, ping := atom("WM_PROTOCOLS"), atom("_NET_WM_PING")
	w, err := xproto.NewWindowId(c)
	if err != nil {
		t.Fatal(err)
	}
	root := r.link.screen.Root
	xproto.CreateWindow(c, 0, w, root, 0, 0, 300, 200, 0, xproto.WindowClassInputOutput, 0, xproto.CwEventMask, []uint32{xproto.EventMaskKeyPress})
	xproto.ChangeProperty(c, xproto.PropModeReplace, w, protocols, xproto.AtomAtom, 32, 1, binary.LittleEndian.AppendUint32(nil, uint32(ping)))
	xproto.MapWindow(c, w)
	inner, err := xproto.NewWindowId(c)
	if err != nil {
		t.Fatal(err)
	}
	xproto.CreateWindow(c, 0, inner, w, 0, 0, 300, 200, 0, xproto.WindowClassInputOutput, 0, xproto.CwEventMask, []uint32{xproto.EventMaskKeyPress})
	xproto.MapWindow(c, inner)
	if err := xproto.SetInputFocusChecked(c, xproto.InputFocusParent, inner, 0).Check(); err != nil {
		t.Fatal(err)
	}
	keymap := func() *xproto.GetKeyboardMappingReply {
		m, err := xproto.GetKeyboardMapping(c, 8, 248).Reply()
		if err != nil {
			return nil
		}
		return m
	}
	go func() { // ends with the connection
		m := keymap()
		for {
			var e any
			select {
			case e = <-queue:
			case <-r.link.done:
				return
			}
			switch e := e.(type) {
			case xproto.MappingNotifyEvent:
				time.Sleep(slow)
				if m = keymap(); m == nil {
					return
				}
			case xproto.KeyPressEvent:
				at := int(e.Detail-8) * int(m.KeysymsPerKeycode)
				if e.State&xproto.ModMaskShift != 0 {
					at++
				}
				r.mu.Lock()
				r.text.WriteRune(rune(m.Keysyms[at] & 0xffffff))
				r.mu.Unlock()
			case xproto.ClientMessageEvent:
				if d := e.Data.Data32; e.Type == protocols && xproto.Atom(d[0]) == ping {
					e.Window = root
					xproto.SendEvent(c, false, root, xproto.EventMaskSubstructureNotify|xproto.EventMaskSubstructureRedirect, string(e.Bytes()))
				}
			}
		}
	}()
	return r
}

func (r *reader) read() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// TestSlowReader: a long text of characters that no key has arrives in a program
// that takes longer to read it than others are given.
func TestSlowReader(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	y := s.sit(t, session.Rights{}, nil)
	r := s.reader(t, 40*time.Millisecond) // for each of 16 changes: 0.6 s for all keycodes that can be had
	var text strings.Builder
	for c := rune(0x4e00); c < 0x4e00+150; c++ {
		text.WriteRune(c)
	}
	y.text(text.String())
	want := []rune(text.String())
	eventually(t, "all is read", func() bool { return len(onlyWide(r.read())) >= len(want) })
	if got := onlyWide(r.read()); string(got) != text.String() {
		t.Errorf("it read\n%s, want\n%s", string(got), text.String())
	}
}

// onlyWide leaves out Shift itself.
func onlyWide(s string) (out []rune) {
	for _, c := range s {
		if c >= 0x4e00 && c < 0x9fff {
			out = append(out, c)
		}
	}
	return out
}
