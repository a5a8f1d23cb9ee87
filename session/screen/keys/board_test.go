package keys

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestEveryKeyOnEveryLayout: each character of each person's keyboard is typed
// on each server's, whatever Caps Lock says on either side.
func TestEveryKeyOnEveryLayout(t *testing.T) {
	layouts := []string{"de", "fr", "br", "us", "jp"}
	for _, theirs := range layouts {
		for _, ours := range append(layouts, "us-ru") {
			t.Run(theirs+" to "+ours, func(t *testing.T) {
				tried := 0
				for _, caps := range []bool{false, true} {
					w := browser{layout: layoutOf(t, theirs), caps: caps}
					s := newServer(t, ours)
					s.locks = map[bool]Mods{false: Lock}[caps] // the other way round
					b := NewBoard(s.layout)
					for _, code := range writing() {
						for _, f := range levels() {
							key, ok := w.key(code, f)
							if !ok {
								continue
							}
							tried++
							for _, e := range w.events(code, key, f) {
								s.do(b.Key(e, s.state()))
							}
							got, want := s.take(), key
							if key == "Dead" {
								want = ""
							}
							// What has to be struck again for each repeat came twice.
							if got != want && got != want+want {
								t.Errorf("%s with %b, %q: typed %q", code, f, key, got)
							}
							if len(s.down) > 0 || len(b.held) > 0 {
								t.Fatalf("%s with %b: still down: %v, %v", code, f, s.down, b.held)
							}
						}
					}
				}
				if tried < 2*150 {
					t.Errorf("%d characters: too few to tell", tried)
				}
			})
		}
	}
}

// TestSamePlace: where the layouts agree, the key itself is pressed and held.
func TestSamePlace(t *testing.T) {
	for _, layout := range []string{"de", "fr", "br", "us", "jp"} {
		w := browser{layout: layoutOf(t, layout)}
		s := newServer(t, layout)
		b := NewBoard(s.layout)
		for _, code := range writing() {
			for _, f := range levels() {
				key, ok := w.key(code, f)
				if !ok || key == "Dead" {
					continue
				}
				c, _ := place(code)
				var all []Stroke
				for _, e := range w.events(code, key, f) {
					strokes := b.Key(e, s.state())
					s.do(strokes)
					all = append(all, strokes...)
				}
				presses := slices.DeleteFunc(all, func(o Stroke) bool { return o.Op != Press || s.layout.Keys[o.Keycode].Mods != 0 })
				if len(presses) != 1 || presses[0].Keycode != c {
					t.Errorf("%s %s with %b, %q: %v", layout, code, f, key, presses)
				}
				if got := s.take(); got != key {
					t.Errorf("%s %s: typed %q", layout, code, got)
				}
			}
		}
	}
}

func TestShortcutsAndNamedKeys(t *testing.T) {
	for _, test := range []struct {
		name, layout string
		lines        []string
		want         string
	}{
		{"copy", "us", []string{"+ControlLeft Control", "+KeyC c", "-KeyC c", "-ControlLeft Control"}, "C-c"},
		{"the letter decides, of French fingers", "us", []string{"+ControlLeft Control", "+KeyQ a", "-KeyQ a", "-ControlLeft Control"}, "C-a"},
		{"the place where no key has the letter", "us", []string{"+ControlLeft Control", "+KeyC с", "-KeyC с", "-ControlLeft Control"}, "C-c"},
		{"zoom in, from a keyboard with plus on Shift", "de", []string{"+ControlLeft Control", "+ShiftLeft Shift", "+Equal +", "-Equal +", "-ShiftLeft Shift", "-ControlLeft Control"}, "C-+"},
		{"switch to a console", "de", []string{"+ControlLeft Control", "+AltLeft Alt", "+F2 F2", "-F2 F2", "-AltLeft Alt", "-ControlLeft Control"}, "C-A-<1008fe02>"},
		{"the three", "de", []string{"+ControlLeft Control", "+AltLeft Alt", "+Delete Delete", "-Delete Delete", "-AltLeft Alt", "-ControlLeft Control"}, "C-A-<ffff>"},
		{"back a field", "fr", []string{"+ShiftLeft Shift", "+Tab Tab", "-Tab Tab", "-ShiftLeft Shift"}, "<fe20>"},
		{"Windows says Ctrl before AltGr", "de", []string{"+ControlLeft Control", "-NoSuch Control", "+AltRight AltGraph", "+KeyQ @", "-KeyQ @", "-AltRight AltGraph", "-ControlLeft Control"}, "@"},
		{"AltGr where there is none", "us", []string{"+AltRight AltGraph", "+KeyE €", "-KeyE €", "-AltRight AltGraph"}, "€"},
		{"the right Alt where it is AltGr", "de", []string{"+AltRight Alt", "+KeyF f", "-KeyF f", "-AltRight Alt"}, "A-f"},
		{"digits of the keypad", "us", []string{"+Numpad7 7", "-Numpad7 7"}, "7"},
		{"arrows of the keypad", "us", []string{"+Numpad4 ArrowLeft", "-Numpad4 ArrowLeft"}, "<ff96>"},
		{"the keypad's comma", "de", []string{"+NumpadDecimal ,", "-NumpadDecimal ,"}, ","},
		{"Enter and its other", "jp", []string{"+Enter Enter", "-Enter Enter", "+NumpadEnter Enter", "-NumpadEnter Enter"}, "\n<ff8d>"},
		{"a Mac says no end", "us", []string{"+MetaLeft Meta", "+KeyA a", "-MetaLeft Meta", "+KeyA a", "-KeyA a"}, "M-aa"},
		{"a key without a place", "de", []string{"+ Process", "+KeyE Unidentified", "-KeyE Unidentified"}, "e"},
		{"composition presses nothing", "de", []string{"+KeyE Process", "-KeyE Process", "+Equal Dead", "-Equal Dead"}, ""},
		{"two places for one key", "us", []string{"+KeyA a", "+KeyQ a", "-KeyA a", "-KeyQ a"}, "aa"},
	} {
		s := newServer(t, test.layout)
		b := NewBoard(s.layout)
		if strings.Contains(test.name, "Windows") {
			test.lines = slices.DeleteFunc(test.lines, func(l string) bool { return strings.Contains(l, "NoSuch") })
			// The browser takes back Ctrl without a word.
			s.do(b.Key(Event{Code: "ControlLeft", Key: "Control", Down: true, Flags: FlagControl}, s.state()))
			test.lines = test.lines[1:]
		}
		if got := script(s, b, test.lines...); got != test.want {
			t.Errorf("%s: typed %q, want %q", test.name, got, test.want)
		}
		if len(s.down) > 0 {
			t.Errorf("%s: still down: %v", test.name, s.down)
		}
	}
}

// TestNothingStaysDown: whatever a browser forgets to say.
func TestNothingStaysDown(t *testing.T) {
	s := newServer(t, "de")
	b := NewBoard(s.layout)
	script(s, b, "+ShiftLeft Shift", "+KeyA A", "+KeyB B", "+AltRight AltGraph", "+KeyQ @")
	if len(s.down) < 4 {
		t.Fatalf("down: %v", s.down)
	}
	s.do(b.Release())
	if len(s.down) > 0 {
		t.Errorf("after Release: %v", s.down)
	}
	// A modifier whose end was lost goes with the next key that knows.
	script(s, b, "+ControlLeft Control")
	s.do(b.Key(Event{Code: "KeyX", Key: "x", Down: true}, s.state()))
	s.do(b.Key(Event{Code: "KeyX", Key: "x"}, s.state()))
	if got := s.take(); got != "x" || len(s.down) > 0 {
		t.Errorf("typed %q with %v down", got, s.down)
	}
	// One that went down before the page had the focus.
	s.do(b.Key(Event{Code: "KeyX", Key: "x", Down: true, Flags: FlagControl}, s.state()))
	s.do(b.Key(Event{Code: "KeyX", Key: "x", Flags: FlagControl}, s.state()))
	s.do(b.Key(Event{Code: "ControlLeft", Key: "Control"}, s.state()))
	if got := s.take(); got != "C-x" || len(s.down) > 0 {
		t.Errorf("typed %q with %v down", got, s.down)
	}
	// More fingers than hands have.
	for i := range 200 {
		s.do(b.Key(Event{Code: fmt.Sprint(i), Key: string(rune('a' + i%26)), Down: true}, s.state()))
	}
	s.do(b.Release())
	if len(s.down) > 0 {
		t.Errorf("after many: %v", s.down)
	}
}

// TestRest: what a silent viewer held is up; the modifiers that it still holds
// are down again for what it does next, and come up when it says so.
func TestRest(t *testing.T) {
	s := newServer(t, "us")
	b := NewBoard(s.layout)
	script(s, b, "+ShiftLeft Shift", "+ControlLeft Control", "+KeyB b")
	s.take()
	s.do(b.Rest())
	if len(s.down) > 0 || b.Holds() {
		t.Fatalf("down: %v", s.down)
	}
	s.do(b.Key(Event{Code: "ShiftLeft", Key: "Shift", Flags: FlagControl}, s.state()))
	s.do(b.Key(Event{Code: "KeyC", Key: "c", Down: true, Flags: FlagControl}, s.state()))
	s.do(b.Key(Event{Code: "KeyC", Key: "c", Flags: FlagControl}, s.state()))
	if got := s.take(); got != "C-c" || len(s.down) != 1 {
		t.Errorf("typed %q, down %v", got, s.down)
	}
	s.do(b.Rest())
	s.do(b.Wake())
	if len(s.down) != 1 {
		t.Errorf("down: %v", s.down)
	}
	s.do(b.Rest())
	script(s, b, "-ControlLeft Control")
	s.do(b.Wake())
	if got := script(s, b, "+KeyD d", "-KeyD d"); got != "d" || len(s.down) > 0 {
		t.Errorf("typed %q, down %v", got, s.down)
	}
}

// TestText: all characters arrive, however many the keyboard does not have,
// and a keycode is given away only after others were struck.
func TestText(t *testing.T) {
	var many strings.Builder
	for r := rune(0x4e00); r < 0x4e00+200; r++ {
		many.WriteRune(r)
		many.WriteRune('x')
	}
	for _, layout := range []string{"de", "fr", "br", "us", "jp", "us-ru"} {
		for _, text := range []string{"Grüße, ça va? São 100 € ¥ ~`^´ \t{[]}\\|@", "Привет, мир", "日本語 テスト", "🙂 e\u0301", "ALL CAPS and not", many.String(), "a\r\nb\nc\rd"} {
			s := newServer(t, layout)
			b := NewBoard(s.layout)
			script(s, b, "+ControlLeft Control") // is let go
			s.locks = Lock
			strokes := b.Text(text, s.state())
			s.do(strokes)
			want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
			if got := s.take(); got != want {
				t.Errorf("%s: typed %q, want %q", layout, got, want)
			}
			if len(s.down) > 0 || s.locks != Lock {
				t.Errorf("%s: down %v, locks %b", layout, s.down, s.locks)
			}
			// What was struck is given away only where programs get the time to
			// read it.
			struck := map[Keycode]bool{}
			for _, one := range strokes {
				switch {
				case one.Op == Press:
					struck[one.Keycode] = true
				case one.Op == Map && one.Again:
					clear(struck)
				case one.Op == Map && struck[one.Keycode]:
					t.Errorf("%s: keycode %d is given away right after it was struck", layout, one.Keycode)
				}
			}
		}
	}
	// Control characters have no key.
	s := newServer(t, "us")
	b := NewBoard(s.layout)
	s.do(b.Text("\x1b[2J\x00\x07\u0085", s.state()))
	if got := s.take(); got != "[2J" {
		t.Errorf("typed %q", got)
	}
}

// TestSecondLayout: with the Russian layout on, its letters need no borrowing,
// and Latin ones are borrowed.
func TestSecondLayout(t *testing.T) {
	s := newServer(t, "us-ru")
	s.group = 1
	b := NewBoard(s.layout)
	strokes := b.Text("Да", s.state())
	s.do(strokes)
	if got := s.take(); got != "Да" || slices.ContainsFunc(strokes, func(o Stroke) bool { return o.Op == Map }) {
		t.Errorf("typed %q by %v", got, strokes)
	}
	s.do(b.Text("ok", s.state()))
	if got := s.take(); got != "ok" || len(b.Mapped()) != 1 {
		t.Errorf("typed %q, mapped %v", got, b.Mapped())
	}
	// A server that forgets what was mapped, since somebody set a layout.
	s.layout = layoutOf(t, "us-ru")
	b.SetLayout(s.layout)
	s.do(b.Text("ko", s.state()))
	if got := s.take(); got != "ko" {
		t.Errorf("typed %q", got)
	}
}

func TestKeypadSetsNumLock(t *testing.T) {
	s := newServer(t, "de")
	b := NewBoard(s.layout)
	if got := script(s, b, "+Numpad1 1", "-Numpad1 1"); got != "1" || s.locks != 1<<4 {
		t.Errorf("typed %q, locks %b", got, s.locks)
	}
	if got := script(s, b, "+Numpad1 End", "-Numpad1 End"); got != "<ff9c>" || s.locks != 0 {
		t.Errorf("typed %q, locks %b", got, s.locks)
	}
}

// FuzzBoard: whatever a viewer sends, what was pressed is let go.
func FuzzBoard(f *testing.F) {
	f.Add("KeyA", "a", uint32(0), "ü")
	f.Add("AltRight", "AltGraph", uint32(16), "😀")
	f.Add("", "Dead", uint32(0xffff), "\x00")
	f.Fuzz(func(t *testing.T, code, key string, flags uint32, text string) {
		s := newServer(t, "de")
		b := NewBoard(s.layout)
		e := Event{Code: code, Key: key, Down: true, Flags: Flags(flags)}
		s.do(b.Key(e, s.state()))
		s.do(b.Key(e, s.state()))
		s.do(b.Key(Event{Code: "KeyQ", Key: "@", Down: true, Flags: Flags(flags)}, s.state()))
		e.Down = false
		s.do(b.Key(e, s.state()))
		s.do(b.Rest())
		s.do(b.Wake())
		s.do(b.Text(text, s.state()))
		s.do(b.Key(Event{Code: code + "x", Key: key, Down: true, Flags: Flags(flags) << 1}, s.state()))
		s.do(b.Release())
		if len(s.down) > 0 {
			t.Errorf("still down: %v", s.down)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"de", "us-ru"} {
		b, err := os.ReadFile("testdata/" + name + ".xkb")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(_ *testing.T, reply []byte) {
		l, err := Decode(reply)
		if err != nil {
			return
		}
		b := NewBoard(l)
		b.Key(Event{Code: "KeyA", Key: "ß", Down: true, Flags: 255}, State{Mods: 255, Locked: 7, Group: 3})
		b.Text("aß€я漢", State{Group: -1})
	})
}
