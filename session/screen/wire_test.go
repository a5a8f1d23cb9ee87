package screen

import (
	"bytes"
	"errors"
	"image"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen/tiles"
)

func TestFramesTravelInParts(t *testing.T) {
	var j Joiner
	for _, n := range []int{0, 1, maxBody - 1, maxBody, maxBody + 1, 5 * maxBody, 2 << 20} {
		frame := make([]byte, n)
		for i := range frame {
			frame[i] = byte(rand.Uint32())
		}
		var got []byte
		err := parts(frame, nil, func(m []byte) error {
			if got != nil {
				t.Error("a part behind the last")
			}
			whole, err := j.Add(slices.Clone(m))
			if whole != nil {
				got = slices.Clone(whole)
			}
			return err
		})
		if err != nil || len(got) != n+1 || got[0] != kindLast || !bytes.Equal(got[1:], frame) {
			t.Errorf("a frame of %d bytes came as %d, %v", n, len(got), err)
		}
	}
	if cap(j.frame) > keptFrame {
		t.Errorf("%d bytes are kept for the next", cap(j.frame))
	}
	// An event may come between the parts.
	for in, out := range map[string]string{"\x02first ": "", "\x01event": "\x01event"} {
		if got, err := j.Add([]byte(in)); err != nil || string(got) != out {
			t.Errorf("%q gives %q, %v", in, got, err)
		}
	}
	if got, err := j.Add([]byte("\x03last")); err != nil || string(got) != "\x03first last" {
		t.Errorf("the parts give %q, %v", got, err)
	}
	part := append([]byte{kindPart}, make([]byte, maxBody)...)
	var err error
	for range tiles.MaxFrame/maxBody + 2 {
		if _, err = j.Add(part); err != nil {
			break
		}
	}
	if !errors.Is(err, errMessage) {
		t.Errorf("a frame without end gave %v", err)
	}
}

// FuzzInput: what a viewer says is taken within its bounds or refused.
func FuzzInput(f *testing.F) {
	for _, in := range []*warrenv1.ScreenInput{
		{Input: &warrenv1.ScreenInput_Ack{Ack: &warrenv1.ScreenAck{Number: 7}}},
		{Input: &warrenv1.ScreenInput_Text{Text: "grüße"}},
		{Input: &warrenv1.ScreenInput_Clipboard{Clipboard: &warrenv1.ScreenClipboard{Mime: "text/plain", Total: 9, Offset: 4, Part: []byte("hello")}}},
		{Input: &warrenv1.ScreenInput_View{View: &warrenv1.ScreenView{Width: 100, Height: 50}}},
	} {
		b, err := proto.Marshal(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append([]byte{kindInput}, b...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := decodeInput(b)
		if err != nil {
			if !errors.Is(err, errMessage) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if len(in.GetText()) > maxText || len(in.GetKey().GetCode()) > maxWord || in.GetView().GetWidth() > tiles.MaxSide {
			t.Errorf("out of bounds: %v", in)
		}
		if c := in.GetClipboard(); uint64(c.GetOffset())+uint64(len(c.GetPart())) > uint64(c.GetTotal()) {
			t.Errorf("out of bounds: %v", in)
		}
	})
}

// FuzzDevice: what a device sends is whole, in bounds, or refused.
func FuzzDevice(f *testing.F) {
	ready, err := eventMessage(&warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Ready{Ready: &warrenv1.ScreenReady{Width: 10, Height: 10}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ready, []byte{kindPart, 1, 2}, []byte{kindLast, 3})
	f.Add([]byte{kindLast}, []byte{kindInput}, []byte{})
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var j Joiner
		for _, m := range [][]byte{a, b, c} {
			whole, err := j.Add(m)
			if err != nil {
				if !errors.Is(err, errMessage) {
					t.Errorf("an error of another kind: %v", err)
				}
				return
			}
			if len(whole) > 0 && whole[0] != kindEvent && whole[0] != kindLast {
				t.Errorf("kind %d is passed on", whole[0])
			}
		}
	})
}

func TestDirt(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, size := range []image.Point{{1, 1}, {64, 64}, {65, 63}, {1920, 1080}, {7680, 4320}} {
		d := newDirt(size)
		for range 20 {
			var added []image.Rectangle
			for range 1 + random.IntN(10) {
				x, y := random.IntN(size.X), random.IntN(size.Y)
				r := image.Rect(x, y, x+1+random.IntN(size.X), y+1+random.IntN(size.Y)).Intersect(image.Rectangle{Max: size})
				d.add(r)
				added = append(added, r)
			}
			got := d.take()
			for i, r := range got {
				if r.Empty() || !r.In(image.Rectangle{Max: size}) || r.Dx()*r.Dy() > MaxGrab || slices.ContainsFunc(got[:i], r.Overlaps) {
					t.Fatalf("%v of %v", r, got)
				}
			}
			for _, a := range added {
				for range 20 {
					p := image.Pt(a.Min.X+random.IntN(a.Dx()), a.Min.Y+random.IntN(a.Dy()))
					if !slices.ContainsFunc(got, p.In) {
						t.Fatalf("%v is lost of %v", p, added)
					}
				}
			}
			if d.some || d.take() != nil {
				t.Fatal("damage is given twice")
			}
		}
	}
	d := newDirt(image.Pt(1920, 1080))
	d.add(image.Rect(100, 100, 1300, 860))
	if got := d.take(); len(got) != 1 || got[0] != image.Rect(100, 100, 1300, 860) {
		t.Errorf("one rectangle became %v", got)
	}
}

var testTime = time.Unix(1e9, 0)

func TestAcknowledgements(t *testing.T) {
	if err := newPacer().acked(1, testTime); !errors.Is(err, errMessage) {
		t.Errorf("a frame that was not sent: %v", err)
	}
	p := newPacer()
	p.sent(1, 100, false, testTime)
	if err := p.acked(2, testTime); !errors.Is(err, errMessage) {
		t.Errorf("a frame that was not sent: %v", err)
	}
	for range 2 {
		if err := p.acked(1, testTime); err != nil || p.inFlight != 0 {
			t.Errorf("%v, %d in flight", err, p.inFlight)
		}
	}
	if err := p.acked(3, testTime); !errors.Is(err, errMessage) {
		t.Errorf("a frame that was not sent: %v", err)
	}
}

func TestPayloads(t *testing.T) {
	for _, r := range []*warrenv1.ScreenRequest{{Monitor: MaxMonitors + 1}, {MaxHeight: tiles.MaxSide + 1}, {Display: string(make([]byte, 65))}} {
		if _, err := Payload(r); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("%v: %v", r, err)
		}
	}
}
