//go:build linux

package x11

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"warren/session"
	"warren/session/screen"
)

func anna(control bool) screen.Watching {
	return screen.Watching{
		Technician: "anna-lindqvist", Mesh: "acme", Control: control, Since: time.Date(2026, 11, 27, 14, 2, 0, 0, time.Local),
		Reason: "Ticket 4711: the printer in the hall prints every page twice — may I look at its settings? (Größe, Füße, Привет)",
	}
}

// own finds the windows of ours that are mapped.
func (s *server) own(t *testing.T) (out []image.Rectangle) {
	t.Helper()
	tree, err := xproto.QueryTree(s.link.Conn, s.link.screen.Root).Reply()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range tree.Children {
		name, err := xproto.GetProperty(s.link.Conn, false, w, xproto.AtomWmName, xproto.AtomString, 0, 64).Reply()
		if err != nil || string(name.Value) != "warren" {
			continue
		}
		a, err := xproto.GetWindowAttributes(s.link.Conn, w).Reply()
		g, err2 := xproto.GetGeometry(s.link.Conn, xproto.Drawable(w)).Reply()
		if err == nil && err2 == nil && a.MapState == xproto.MapStateViewable {
			out = append(out, rectangle(g.X, g.Y, g.Width, g.Height))
		}
	}
	return out
}

// shot takes a picture of a part of the display; where WARREN_PICTURES names a
// folder it is kept there.
func (s *server) shot(t *testing.T, name string, r image.Rectangle) *image.RGBA {
	t.Helper()
	g, err := xproto.GetImage(s.link.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(s.link.screen.Root),
		int16(r.Min.X), int16(r.Min.Y), uint16(r.Dx()), uint16(r.Dy()), 0xffffffff).Reply()
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewRGBA(image.Rectangle{Max: r.Size()})
	for i := 0; i+3 < len(g.Data) && i+3 < len(out.Pix); i += 4 {
		out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = g.Data[i+2], g.Data[i+1], g.Data[i], 255
	}
	if dir := os.Getenv("WARREN_PICTURES"); dir != "" {
		f, err := os.Create(filepath.Join(dir, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// has counts the pixels of a colour.
func has(p *image.RGBA, c color.RGBA) (n int) {
	for y := range p.Rect.Dy() {
		for x := range p.Rect.Dx() {
			if p.RGBAAt(x, y) == c {
				n++
			}
		}
	}
	return n
}

// asking runs a question and waits until its dialog is painted and takes answers.
func (s *server) asking(t *testing.T, within time.Duration) (answer <-chan error, at image.Rectangle) {
	t.Helper()
	d := s.open(t)
	out := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	began := time.Now()
	go func() { out <- d.question(ctx, anna(true), within) }()
	eventually(t, "the dialog is there", func() bool {
		w := s.own(t)
		return len(w) == 1 && has(s.shot(t, "ask", w[0]), accent()) > 1000
	})
	at = s.own(t)[0]
	time.Sleep(time.Until(began.Add(armed + 200*time.Millisecond))) // it takes no answer before
	return out, at
}

func answered(t *testing.T, answer <-chan error) error {
	t.Helper()
	select {
	case err := <-answer:
		return err
	case <-time.After(patience):
		t.Fatal("the dialog took no answer")
		return nil
	}
}

// TestConsent: yes only by the button or the keyboard on it; all else is a no.
func TestConsent(t *testing.T) {
	s := startServer(t, "-screen", "0", "1024x768x24")
	click := func(y typist, r, b image.Rectangle) {
		c := r.Min.Add(b.Min).Add(b.Size().Div(2))
		y.pointer(int32(c.X), int32(c.Y), 1)
		y.pointer(int32(c.X), int32(c.Y), 0)
	}
	strikes := func(keys ...string) func(y typist, _ image.Rectangle) {
		return func(y typist, _ image.Rectangle) {
			for _, k := range keys {
				y.strike(k, k, 0)
			}
		}
	}
	for _, test := range []struct {
		name string
		do   func(y typist, r image.Rectangle)
		want error
	}{
		{"Allow", func(y typist, r image.Rectangle) { click(y, r, allowButton()) }, nil},
		{"Deny", func(y typist, r image.Rectangle) { click(y, r, denyButton()) }, screen.ErrNoConsent},
		{"Enter", strikes("Enter"), screen.ErrNoConsent},
		{"Escape", strikes("Tab", "Escape"), screen.ErrNoConsent},
		{"Tab and Enter", strikes("Tab", "Enter"), nil},
		{"there and back", strikes("ArrowRight", "ArrowLeft", "Enter"), screen.ErrNoConsent},
		{"pressed on Allow, let go beside", func(y typist, r image.Rectangle) {
			c := r.Min.Add(allowButton().Min).Add(image.Pt(5, 5))
			y.pointer(int32(c.X), int32(c.Y), 1)
			y.pointer(int32(r.Min.X+5), int32(r.Min.Y+5), 0)
			y.strike("Escape", "Escape", 0)
		}, screen.ErrNoConsent},
	} {
		t.Run(test.name, func(t *testing.T) {
			y := s.sit(t, session.Rights{}, nil)
			answer, at := s.asking(t, screen.AskTime)
			test.do(y, at)
			if err := answered(t, answer); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			eventually(t, "the dialog is gone", func() bool { return len(s.own(t)) == 0 })
		})
	}
	t.Run("nobody", func(t *testing.T) {
		answer, _ := s.asking(t, 3*time.Second)
		if err := answered(t, answer); !errors.Is(err, screen.ErrNoAnswer) {
			t.Error(err)
		}
	})
	t.Run("too early", func(t *testing.T) {
		y := s.sit(t, session.Rights{}, nil)
		d := s.open(t)
		out := make(chan error, 1)
		go func() { out <- d.question(t.Context(), anna(false), screen.AskTime) }()
		eventually(t, "the dialog is there", func() bool { return len(s.own(t)) == 1 })
		began := time.Now()
		strikes("Tab", "Enter")(y, image.Rectangle{})
		if time.Since(began) < armed/2 {
			select {
			case err := <-out:
				t.Errorf("an answer at once counted: %v", err)
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	t.Run("the session ends", func(t *testing.T) {
		d := s.open(t)
		for after := time.Duration(0); after < 3*time.Millisecond; after += 10 * time.Microsecond { // while it connects, too
			ctx, cancel := context.WithCancel(t.Context())
			out := make(chan error, 1)
			go func() { out <- d.question(ctx, anna(false), screen.AskTime) }()
			time.Sleep(after)
			cancel()
			if err := answered(t, out); !errors.Is(err, context.Canceled) {
				t.Errorf("after %v: %v", after, err)
			}
		}
	})
}

// TestNotice: who looks is told for as long as they do, two beside each other,
// above other windows, and Stop ends it.
func TestNotice(t *testing.T) {
	s := startServer(t, "-screen", "0", "1024x768x24")
	s.window(t) // covers all
	y := s.sit(t, session.Rights{}, nil)
	desk := New(Config{})
	tell := func(control bool) (<-chan error, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		d, err := desk.Open(ctx, screen.Want{Display: s.name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		out := make(chan error, 1)
		go func() { out <- d.(*Display).Tell(ctx, anna(control)) }() //nolint:forcetypeassert // ours
		return out, cancel
	}
	first, _ := tell(true)
	eventually(t, "the notice is there", func() bool { return len(s.own(t)) == 1 && has(s.shot(t, "tell", s.own(t)[0]), alarm()) > 500 })
	one := s.own(t)[0]
	second, end := tell(false)
	eventually(t, "both are there", func() bool { return len(s.own(t)) == 2 })
	if all := s.own(t); !all[0].Intersect(all[1]).Empty() {
		t.Errorf("one covers the other: %v", all)
	}
	eventually(t, "both are painted", func() bool {
		return has(s.shot(t, "tell-two", image.Rect(200, 0, 824, 90)), alarm()) > 1500
	})
	end()
	if err := answered(t, second); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Dragged away, and another window in front of it.
	grip := one.Min.Add(image.Pt(60, 10))
	y.pointer(int32(grip.X), int32(grip.Y), 1)
	y.pointer(int32(grip.X+100), int32(grip.Y+300), 1)
	y.pointer(int32(grip.X+100), int32(grip.Y+300), 0)
	eventually(t, "it has moved", func() bool { w := s.own(t); return len(w) == 1 && w[0].Min == one.Min.Add(image.Pt(100, 300)) })
	s.window(t)
	at := s.own(t)[0]
	eventually(t, "it is in front", func() bool { return has(s.shot(t, "front", at), alarm()) > 500 })
	stop := image.Pt(at.Max.X-40, at.Min.Y+18)
	y.pointer(int32(stop.X), int32(stop.Y), 1)
	y.pointer(int32(stop.X), int32(stop.Y), 0)
	if err := answered(t, first); !errors.Is(err, screen.ErrStopped) {
		t.Errorf("after Stop: %v", err)
	}
}

// TestDisplayGoneUnderTheNotice: it ends, and so does the question.
func TestDisplayGoneUnderTheNotice(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	d, e := s.open(t), s.open(t)
	told, answer := make(chan error, 1), make(chan error, 1)
	go func() { told <- d.Tell(t.Context(), anna(true)) }()
	go func() { answer <- e.Ask(t.Context(), anna(true)) }()
	eventually(t, "both are there", func() bool { return len(s.own(t)) == 2 })
	_ = s.process.Process.Kill()
	for _, c := range []<-chan error{told, answer} {
		if err := answered(t, c); !errors.Is(err, screen.ErrGone) {
			t.Error(err)
		}
	}
}

func TestLongWordsFit(t *testing.T) {
	c, err := newCanvas(10, 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	s := style{14, false, ink()}
	for _, words := range []string{"", "short", strings.Repeat("W", 300), strings.Repeat("word ", 80), "漢字 \u202e מרחב"} {
		lines, err := c.wrap(s, words, 300, 3)
		if err != nil || len(lines) > 3 {
			t.Fatalf("%q: %d lines, %v", words, len(lines), err)
		}
		for _, l := range lines {
			if w, err := c.width(s, l); err != nil || w > 300 {
				t.Errorf("%q is %d wide, %v", l, w, err)
			}
		}
	}
}
