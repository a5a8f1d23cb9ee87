//go:build linux

package x11

import (
	"image"
	"testing"

	"warren/session/screen"
)

func TestDisplayTellsWhatIsPainted(t *testing.T) {
	s := startServer(t, "-screen", "0", "320x200x24")
	d := s.open(t)
	l, err := d.Layout()
	if err != nil {
		t.Fatal(err)
	}
	if l.Size != image.Pt(320, 200) || len(l.Monitors) != 1 || len(l.Limits) != 0 {
		t.Fatalf("layout %+v", l)
	}
	s.fill(t, image.Rect(10, 20, 40, 60), 0x123456)
	var got []image.Rectangle
	until(t, "damage", func() bool {
		got, err = d.Damage()
		return got != nil || err != nil
	})
	if err != nil || len(got) != 1 || got[0] != image.Rect(10, 20, 40, 60) {
		t.Fatalf("damage %v, %v", got, err)
	}
	for _, slow := range []bool{false, true} {
		if slow {
			d.memory.free()
			d.memory = nil
		}
		pixels, err := d.Grab(image.Rect(9, 20, 11, 21))
		if err != nil {
			t.Fatal(err)
		}
		if p := pixels[4:7]; p[0] != 0x56 || p[1] != 0x34 || p[2] != 0x12 || pixels[0] == 0x56 {
			t.Errorf("pixels %x", pixels)
		}
	}
	if got, err := d.Damage(); err != nil || got != nil {
		t.Errorf("damage is told twice: %v, %v", got, err)
	}
	var _ screen.Display = d
}
