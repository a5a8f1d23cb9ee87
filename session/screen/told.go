package screen

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen/tiles"
)

// Bounds of what a device tells: above what ours do.
const (
	maxListed  = 64
	maxTold    = 2 << 10
	maxAsking  = 600
	leastPart  = 4 << 10 // of a copy, but for its last
	pixelBytes = 4
)

// checkEvent refuses an event that no device of ours sends: a page lists,
// paints and keeps what it is told. later tells that it goes on what came
// before.
func checkEvent(b []byte) (later bool, err error) {
	e := &warrenv1.ScreenEvent{}
	if err := (proto.UnmarshalOptions{RecursionLimit: 8, DiscardUnknown: true}).Unmarshal(b, e); err != nil {
		return false, fmt.Errorf("decode event: %w", errors.Join(errMessage, err))
	}
	if !fit(e) {
		return false, fmt.Errorf("an event out of bounds: %w", errMessage)
	}
	return e.GetClipboard().GetOffset() > 0, nil
}

func fit(e *warrenv1.ScreenEvent) bool {
	switch i := e.GetEvent().(type) {
	case *warrenv1.ScreenEvent_Ready:
		r := i.Ready
		w, h := uint64(r.GetWidth()), uint64(r.GetHeight())
		return w > 0 && h > 0 && w <= tiles.MaxSide && h <= tiles.MaxSide && w*h <= tiles.MaxPixels &&
			brief(r.GetDisplay(), r.GetOwner()) && list(r.GetLimits()) && spoken(r.GetSaid()...) && named(r.GetDisplays()) && len(r.GetMonitors()) <= MaxMonitors &&
			!slices.ContainsFunc(r.GetMonitors(), func(m *warrenv1.ScreenMonitor) bool { return !brief(m.GetName()) })
	case *warrenv1.ScreenEvent_Displays:
		return named(i.Displays.GetDisplays())
	case *warrenv1.ScreenEvent_Viewers:
		return list(i.Viewers.GetTechnicians())
	case *warrenv1.ScreenEvent_Cursor:
		c := i.Cursor
		return len(c.GetRgba()) == 0 || uint64(len(c.GetRgba())) == pixelBytes*uint64(c.GetWidth())*uint64(c.GetHeight())
	case *warrenv1.ScreenEvent_Clipboard:
		c := i.Clipboard
		end := uint64(c.GetOffset()) + uint64(len(c.GetPart()))
		return brief(c.GetMime()) && end <= uint64(c.GetTotal()) && (end == uint64(c.GetTotal()) || len(c.GetPart()) >= leastPart)
	case *warrenv1.ScreenEvent_Quality:
		return brief(i.Quality.GetMode(), i.Quality.GetWhy(), i.Quality.GetCodec()) && spoken(i.Quality.GetSaid()...)
	case *warrenv1.ScreenEvent_Asking:
		return i.Asking.GetSeconds() <= maxAsking
	case *warrenv1.ScreenEvent_Note:
		return brief(i.Note.GetText()) && spoken(i.Note.GetSaid())
	case *warrenv1.ScreenEvent_Ended:
		return spoken(i.Ended)
	default:
		return true
	}
}

func brief(words ...string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return len(w) > maxTold })
}

// maxArgs bounds what stands in a sentence.
const maxArgs = 8

func spoken(all ...*warrenv1.Said) bool {
	return len(all) <= maxListed && !slices.ContainsFunc(all, func(s *warrenv1.Said) bool {
		return len(s.GetCode()) > maxWord || len(s.GetArgs()) > maxArgs || !brief(s.GetArgs()...)
	})
}

func list(words []string) bool { return len(words) <= maxListed && brief(words...) }

func named(all []*warrenv1.ScreenDisplay) bool {
	return len(all) <= maxDisplays && !slices.ContainsFunc(all, func(d *warrenv1.ScreenDisplay) bool { return !brief(d.GetName(), d.GetOwner()) })
}
