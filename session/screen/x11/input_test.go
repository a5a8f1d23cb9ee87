//go:build linux

package x11

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
)

// patience is for machines that are busy with other things.
const patience = 20 * time.Second

func eventually(t *testing.T, what string, true_ func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !true_(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about: %s", what)
		}
	}
}

// layout gives the server's keyboard another layout.
func (s *server) layout(t *testing.T, name string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "setxkbmap", "-display", s.name, name).CombinedOutput(); err != nil {
		t.Fatalf("setxkbmap: %v\n%s", err, out)
	}
}

// typist is a seat on a display, for one test.
type typist struct {
	*testing.T
	seat *seat
}

func (s *server) sit(t *testing.T, rights session.Rights, emit func(*warrenv1.ScreenEvent) error) typist {
	t.Helper()
	return s.sitAt(t, New(Config{}), rights, emit)
}

// sitAt takes a seat of a desk, which others may have too.
func (s *server) sitAt(t *testing.T, desk *Desk, rights session.Rights, emit func(*warrenv1.ScreenEvent) error) typist {
	t.Helper()
	d := s.openAt(t, desk)
	if emit == nil {
		emit = func(*warrenv1.ScreenEvent) error { return nil }
	}
	own, err := d.Seat(t.Context(), screen.SeatOptions{Request: session.Request{Verb: "control", Rights: rights}, Emit: emit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	own.Look(image.Rect(0, 0, int(s.link.screen.WidthInPixels), int(s.link.screen.HeightInPixels)))
	return typist{t, own.(*seat)} //nolint:forcetypeassert // ours
}

func (y typist) give(in *warrenv1.ScreenInput) {
	y.Helper()
	if err := y.seat.Take(context.Background(), in); err != nil {
		y.Fatalf("%v: %v", in, err)
	}
}

func (y typist) key(code, key string, down bool, flags uint32) {
	y.Helper()
	y.give(&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Key{Key: &warrenv1.ScreenKey{Code: code, Key: key, Down: down, Modifiers: flags}}})
}

func (y typist) strike(code, key string, flags uint32) {
	y.Helper()
	y.key(code, key, true, flags)
	y.key(code, key, false, flags)
}

func (y typist) text(s string) {
	y.Helper()
	y.give(&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Text{Text: s}})
}

func (y typist) pointer(x, at int32, buttons uint32) {
	y.Helper()
	y.give(&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Pointer{Pointer: &warrenv1.ScreenPointer{X: x, Y: at, Buttons: buttons}}})
}

// xterm runs a terminal on the server in which what is typed ends in a file,
// and gives what reads the file. The pointer is over it, so that it has the
// focus.
func (s *server) xterm(t *testing.T, y typist) (typed func() string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "typed")
	ready := filepath.Join(dir, "ready")
	script := fmt.Sprintf("stty -icanon -echo -isig -ixon -icrnl; : > %s; exec cat > %s", ready, file)
	cmd := exec.Command("xterm", "-display", s.name, "-u8", "-geometry", "80x24+0+0", "-e", "sh", "-c", script)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "XMODIFIERS=@im=none", "HOME="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatalf("xterm: %v; try: scripts/setup.sh base", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "the terminal is there", func() bool { _, err := os.Stat(ready); return err == nil })
	y.pointer(100, 100, 0)
	return func() string {
		b, _ := os.ReadFile(file)
		return string(b)
	}
}

// TestTyping: what a person types on their keyboard arrives in a program, on
// five keyboards of the machine, through text, keys and borrowed keycodes.
func TestTyping(t *testing.T) {
	s := startServer(t, "-screen", "0", "1024x768x24")
	const text = "Grüße ÄÖÜ ß, ça coûte 10 €; ação à São ¥ @|\\~^`´ {[]} äöü \"quoted\" 日本 Привет ☃"
	for _, layout := range []string{"de", "fr", "br", "us", "jp"} {
		t.Run(layout, func(t *testing.T) {
			s.layout(t, layout)
			y := s.sit(t, session.Rights{}, nil)
			typed := s.xterm(t, y)
			want := ""
			expect := func(more string) {
				t.Helper()
				want += more
				for deadline := time.Now().Add(patience); typed() != want; time.Sleep(5 * time.Millisecond) {
					if time.Now().After(deadline) || len(typed()) > len(want) {
						t.Fatalf("typed\n%q, want\n%q", typed(), want)
					}
				}
			}
			y.text(text)
			expect(text)
			for _, r := range text { // as keys of a keyboard that has no places
				y.strike("", string(r), 0)
			}
			expect(text)
			// As a German keyboard says it.
			y.strike("KeyY", "z", 0)
			y.key("ShiftLeft", "Shift", true, 1)
			y.strike("KeyZ", "Y", 1)
			y.strike("Digit7", "/", 1)
			y.key("ShiftLeft", "Shift", false, 0)
			y.key("AltRight", "AltGraph", true, 16)
			y.strike("KeyQ", "@", 16)
			y.strike("KeyE", "€", 16)
			y.key("AltRight", "AltGraph", false, 0)
			y.strike("Equal", "Dead", 0)
			y.text("é")
			expect("zY/@€é")
			y.key("ControlLeft", "Control", true, 2)
			y.strike("KeyC", "c", 2)
			y.key("ControlLeft", "Control", false, 0)
			y.strike("Enter", "Enter", 0)
			y.strike("ArrowUp", "ArrowUp", 0)
			y.strike("Tab", "Tab", 0)
			expect("\x03\r\x1b[A\t")
			y.strike("KeyA", "A", 32) // with Caps Lock on, which comes along
			y.strike("KeyB", "b", 0)
			y.strike("Numpad5", "5", 0)
			expect("Ab5")
			if err := y.seat.Close(); err != nil {
				t.Error(err)
			}
			s.atRest(t)
		})
	}
}

// atRest: no key and no button is down.
func (s *server) atRest(t *testing.T) {
	t.Helper()
	eventually(t, "all is let go", func() bool {
		r, err := xproto.QueryKeymap(s.link.Conn).Reply()
		if err != nil {
			t.Fatal(err)
		}
		p, err := xproto.QueryPointer(s.link.Conn, s.link.screen.Root).Reply()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Trim(string(r.Keys), "\x00") == "" && p.Mask&0x1f00 == 0
	})
}

// down counts the keys that are held.
func (s *server) down(t *testing.T) (n int) {
	t.Helper()
	r, err := xproto.QueryKeymap(s.link.Conn).Reply()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range r.Keys {
		for ; b != 0; b &= b - 1 {
			n++
		}
	}
	return n
}

// TestNothingStaysDown: at the end of a session, when the page is blurred, when
// the link falls silent, and after a node that died.
func TestNothingStaysDown(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	y := s.sit(t, session.Rights{}, nil)
	hold := func(y typist) {
		t.Helper()
		y.key("ShiftLeft", "Shift", true, 1)
		y.key("KeyA", "A", true, 1)
		y.pointer(10, 10, 1|4)
		if n := s.down(t); n != 2 {
			t.Fatalf("%d keys are down", n)
		}
	}
	hold(y)
	y.give(&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Release{Release: &warrenv1.ScreenRelease{}}})
	s.atRest(t)
	hold(y)
	eventually(t, "the repeated key is let go", func() bool { return s.down(t) == 1 })
	if err := y.seat.Close(); err != nil {
		t.Fatal(err)
	}
	s.atRest(t)
	// A node that dies lets go of nothing; whoever comes next does.
	died := s.sit(t, session.Rights{}, nil)
	hold(died)
	died.seat.raw.Close()
	<-died.seat.done
	if s.down(t) == 0 {
		t.Log("the server lets go by itself")
	}
	s.sit(t, session.Rights{}, nil)
	s.atRest(t)
}

// TestTwoAtOneKeyboard: who comes later takes nothing out of the other's hands,
// and who goes leaves the keycodes alone that another has borrowed since.
func TestTwoAtOneKeyboard(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	desk := New(Config{})
	sit := func() typist { return s.sitAt(t, desk, session.Rights{}, nil) }
	first := sit()
	first.key("ShiftLeft", "Shift", true, 1)
	first.pointer(10, 10, 1)
	held := func() bool {
		p, err := xproto.QueryPointer(s.link.Conn, s.link.screen.Root).Reply()
		return err == nil && p.Mask&xproto.KeyButMaskButton1 != 0 && s.down(t) == 1
	}
	if !held() {
		t.Fatal("nothing is held")
	}
	second := sit()
	if !held() {
		t.Error("whoever comes lets go of the other's keys")
	}
	if err := second.seat.Close(); err != nil {
		t.Fatal(err)
	}
	if !held() {
		t.Error("whoever goes lets go of the other's keys")
	}
	first.give(&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Release{Release: &warrenv1.ScreenRelease{}}})
	first.text("☃")
	mapped := first.seat.board.Mapped()
	if len(mapped) == 0 {
		t.Fatal("no keycode was borrowed")
	}
	const other = 0x01002604 // the character behind ☃
	if err := (keyboard{s.link}).give(mapped[0], other, 0); err != nil {
		t.Fatal(err)
	}
	// All that the server has told the seat by then is handled, and so is this.
	eventually(t, "the keyboard is another", func() bool {
		l, err := first.seat.keys.layout()
		return err == nil && len(l.Keys[mapped[0]].Groups) > 0 && first.seat.stale.Load()
	})
	if err := first.seat.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := xproto.GetKeyboardMapping(s.link.Conn, xproto.Keycode(mapped[0]), 1).Reply()
	if err != nil || m.Keysyms[0] != other {
		t.Errorf("the keycode is %x, %v", m.Keysyms, err)
	}
	s.atRest(t)
}

// TestPointer: places, buttons and the wheel arrive; a monitor's corner counts.
func TestPointer(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	w, events := s.window(t)
	y := s.sit(t, session.Rights{}, nil)
	y.seat.Look(image.Rect(100, 50, 640, 480))
	y.pointer(20, 30, 0)
	p, err := xproto.QueryPointer(s.link.Conn, w).Reply()
	if err != nil || p.RootX != 120 || p.RootY != 80 {
		t.Errorf("the pointer is at %d,%d, %v", p.RootX, p.RootY, err)
	}
	y.pointer(-9999, 1<<30, 0)
	if p, err = xproto.QueryPointer(s.link.Conn, w).Reply(); err != nil || p.RootX != 100 || p.RootY != 479 {
		t.Errorf("the pointer is at %d,%d, %v", p.RootX, p.RootY, err)
	}
	want := ""
	expect := func(more string) {
		t.Helper()
		want += more
		eventually(t, want, func() bool { return events() == want })
	}
	y.pointer(5, 5, 1)
	y.pointer(6, 6, 1|2)
	y.pointer(6, 6, 16)
	y.pointer(6, 6, 0)
	expect("+1 +2 -1 -2 +9 -9 ")
	wheel := func(dx, dy int32) {
		t.Helper()
		y.give(&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Wheel{Wheel: &warrenv1.ScreenWheel{Dx: dx, Dy: dy}}})
	}
	wheel(0, 240)
	expect("+5 -5 +5 -5 ")
	for range 3 {
		wheel(0, 40) // a third of a notch each
	}
	expect("+5 -5 ")
	wheel(0, 100)
	wheel(-120, -20) // round: what was left is forgotten
	expect("+6 -6 ")
	wheel(0, -100)
	expect("+4 -4 ")
}

// window covers the display and tells which buttons went down and up on it.
func (s *server) window(t *testing.T) (w xproto.Window, told func() string) {
	t.Helper()
	got := make(chan string, 1000)
	l, err := connect(t.Context(), s.place(t), func(_ *link, e event) {
		switch e := e.Event.(type) {
		case xproto.ButtonPressEvent:
			got <- fmt.Sprintf("+%d ", e.Detail)
		case xproto.ButtonReleaseEvent:
			got <- fmt.Sprintf("-%d ", e.Detail)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if w, err = xproto.NewWindowId(l.Conn); err != nil {
		t.Fatal(err)
	}
	err = xproto.CreateWindowChecked(l.Conn, 0, w, l.screen.Root, 0, 0, l.screen.WidthInPixels, l.screen.HeightInPixels, 0,
		xproto.WindowClassInputOutput, 0, xproto.CwBackPixel|xproto.CwOverrideRedirect|xproto.CwEventMask, // without a colour of its own it would leave in sight what it covers
		[]uint32{0x205080, 1, xproto.EventMaskButtonPress | xproto.EventMaskButtonRelease}).Check()
	if err == nil {
		err = xproto.MapWindowChecked(l.Conn, w).Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	return w, func() string {
		for {
			select {
			case one := <-got:
				all += one
				continue
			default:
			}
			return all
		}
	}
}

func TestInputThatMakesNoSense(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	y := s.sit(t, session.Rights{}, nil)
	for _, test := range []struct {
		in   *warrenv1.ScreenInput
		want error
	}{
		{&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Text{Text: strings.Repeat("x", maxTyped+1)}}, session.ErrInvalid},
		{&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Key{Key: &warrenv1.ScreenKey{Code: strings.Repeat("x", 65), Down: true}}}, session.ErrInvalid},
		{&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Special{Special: "ctrl-alt-boom"}}, screen.ErrUnable},
		{&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Special{Special: ""}}, screen.ErrUnable},
		{&warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Special{Special: "ctrl-alt-del"}}, nil},
		{&warrenv1.ScreenInput{}, nil},
	} {
		if err := y.seat.Take(t.Context(), test.in); !errors.Is(err, test.want) {
			t.Errorf("%v: %v, want %v", test.in, err, test.want)
		}
	}
	s.atRest(t)
	// The display ends under the hands.
	_ = s.process.Process.Kill()
	eventually(t, "the seat notices", func() bool {
		return errors.Is(y.seat.Take(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Text{Text: "x"}}), screen.ErrGone)
	})
	if err := y.seat.Close(); err != nil {
		t.Error(err)
	}
}
