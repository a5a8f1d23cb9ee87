package screen

import (
	"errors"
	"strings"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen/words"
)

// TestWhatADeviceTells: what no device of ours tells does not get to the page.
func TestWhatADeviceTells(t *testing.T) {
	t.Parallel()
	ready := func(r *warrenv1.ScreenReady) *warrenv1.ScreenEvent {
		return &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Ready{Ready: r}}
	}
	cursor := func(c *warrenv1.ScreenCursor) *warrenv1.ScreenEvent {
		return &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Cursor{Cursor: c}}
	}
	copied := func(c *warrenv1.ScreenClipboard) *warrenv1.ScreenEvent {
		return &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Clipboard{Clipboard: c}}
	}
	note := func(text string) *warrenv1.ScreenEvent {
		return &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Note{Note: &warrenv1.ScreenNote{Text: text}}}
	}
	displays := func(n int) (out []*warrenv1.ScreenDisplay) {
		for range n {
			out = append(out, &warrenv1.ScreenDisplay{Name: ":1"})
		}
		return out
	}
	long := strings.Repeat("x", 5000)
	for _, test := range []struct {
		name string
		e    *warrenv1.ScreenEvent
		ok   bool
	}{
		{"a picture", ready(&warrenv1.ScreenReady{Width: 1920, Height: 1080, Displays: displays(64), Monitors: []*warrenv1.ScreenMonitor{{Name: "DP-1"}}}), true},
		{"no picture", ready(&warrenv1.ScreenReady{}), false},
		{"one too wide", ready(&warrenv1.ScreenReady{Width: 1 << 20, Height: 1}), false},
		{"one too large", ready(&warrenv1.ScreenReady{Width: 16384, Height: 16384}), false},
		{"many displays", ready(&warrenv1.ScreenReady{Width: 1, Height: 1, Displays: displays(65)}), false},
		{"many monitors", ready(&warrenv1.ScreenReady{Width: 1, Height: 1, Monitors: make([]*warrenv1.ScreenMonitor, 65)}), false},
		{"many limits", ready(&warrenv1.ScreenReady{Width: 1, Height: 1, Limits: make([]string, 65)}), false},
		{"a long owner", ready(&warrenv1.ScreenReady{Width: 1, Height: 1, Owner: long}), false},
		{"displays", &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Displays{Displays: &warrenv1.ScreenDisplays{Displays: displays(65)}}}, false},
		{"a crowd", &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Viewers{Viewers: &warrenv1.ScreenViewers{Technicians: make([]string, 65)}}}, false},
		{"a shape", cursor(&warrenv1.ScreenCursor{Id: 1, Width: 2, Height: 2, Rgba: make([]byte, 16)}), true},
		{"one that was sent before", cursor(&warrenv1.ScreenCursor{Id: 1, Width: 200, Height: 200}), true},
		{"a shape of another size", cursor(&warrenv1.ScreenCursor{Id: 1, Width: 1 << 16, Height: 1 << 16, Rgba: make([]byte, 16)}), false},
		{"a copy", copied(&warrenv1.ScreenClipboard{Mime: "text/plain;charset=utf-8", Total: 1, Part: []byte("x")}), true},
		{"a part of one", copied(&warrenv1.ScreenClipboard{Mime: "image/png", Total: 100000, Offset: 12 << 10, Part: make([]byte, 12<<10)}), true},
		{"a part of more than there is", copied(&warrenv1.ScreenClipboard{Total: 4, Offset: 1, Part: []byte("xxxx")}), false},
		{"a copy by the byte", copied(&warrenv1.ScreenClipboard{Total: 100000, Offset: 5, Part: []byte("x")}), false},
		{"a long question", &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Asking{Asking: &warrenv1.ScreenAsking{Seconds: 1 << 31}}}, false},
		{"a note", note("the display keeps its size"), true},
		{"a book", note(long), false},
		{"a note by its code", NoteOf(words.NoMonitor.Say("3")), true},
		{"a code of many words", &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Ended{Ended: &warrenv1.Said{Code: long}}}, false},
		{"an end with much in it", &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Ended{Ended: &warrenv1.Said{Args: make([]string, 9)}}}, false},
		{"a limit with a book in it", ready(&warrenv1.ScreenReady{Width: 1, Height: 1, Said: []*warrenv1.Said{{Args: []string{long}}}}), false},
		{"many reasons", &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Quality{Quality: &warrenv1.ScreenQuality{Said: make([]*warrenv1.Said, 65)}}}, false},
		{"a later version's", &warrenv1.ScreenEvent{}, true},
	} {
		m, err := eventMessage(test.e)
		if err != nil {
			t.Fatal(err)
		}
		var j Joiner
		whole, err := j.Add(m)
		if test.ok && (err != nil || string(whole) != string(m)) || !test.ok && !errors.Is(err, errMessage) {
			t.Errorf("%s: %v", test.name, err)
		}
		if later := test.name == "a part of one"; test.ok && j.Later() != later {
			t.Errorf("%s goes on what came before: %v", test.name, !later)
		}
	}
	if _, err := (&Joiner{}).Add([]byte{kindEvent, 0xff, 0xff}); !errors.Is(err, errMessage) {
		t.Errorf("no event: %v", err)
	}
}
