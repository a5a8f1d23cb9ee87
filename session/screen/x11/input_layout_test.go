//go:build linux

package x11

import (
	"testing"

	"warren/session"
	"warren/session/screen/keys"
)

// TestLayoutChangesUnderHands: the machine's keyboard becomes another one in
// mid-session, and what is typed arrives as before.
func TestLayoutChangesUnderHands(t *testing.T) {
	s := startServer(t, "-screen", "0", "800x600x24")
	s.layout(t, "us")
	y := s.sit(t, session.Rights{}, nil)
	typed := s.xterm(t, y)
	want := ""
	for _, layout := range []string{"", "de", "fr"} {
		if layout != "" {
			s.layout(t, layout)
			eventually(t, "the seat hears of "+layout, y.seat.stale.Load)
		}
		y.text("zy;[]@ä")
		want += "zy;[]@ä"
		eventually(t, "on "+layout+" arrives "+want, func() bool { return typed() == want })
	}
}

// TestLocksChangeUnderHands: somebody else turns Caps Lock on in mid-session.
func TestLocksChangeUnderHands(t *testing.T) {
	s := startServer(t, "-screen", "0", "800x600x24")
	y := s.sit(t, session.Rights{}, nil)
	typed := s.xterm(t, y)
	y.text("a")
	other := keyboard{s.link}
	if err := other.open(); err != nil {
		t.Fatal(err)
	}
	const capsLock = 1 << 1
	for _, on := range []keys.Mods{capsLock, 0} {
		if err := other.lock(capsLock, on); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the seat hears of it", y.seat.changed.Load)
		y.text("bC")
	}
	eventually(t, "abCbC arrives", func() bool { return typed() == "abCbC" })
}
