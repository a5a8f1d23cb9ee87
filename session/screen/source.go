package screen

import (
	"context"
	"errors"
	"image"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen/words"
)

// What callers branch on.
var (
	// ErrGone means that the display has ended or does not answer any more.
	ErrGone = errors.New("the display is gone")
	// ErrChanged means that the display has another size or other monitors than
	// Layout said last; ask it again.
	ErrChanged = errors.New("the display has changed")
	// ErrUnable is what a display that cannot do what was asked for wraps.
	ErrUnable = errors.New("not possible on this display")
)

// Unable is an ErrUnable for the technician.
func Unable(s words.Sentence) error { return unable{s} }

type unable struct{ said words.Sentence }

func (u unable) Error() string { return u.said.String() }
func (unable) Unwrap() error   { return ErrUnable }

// sentence is what the technician is told of an ErrUnable.
func sentence(err error) words.Sentence {
	var u unable
	if errors.As(err, &u) {
		return u.said
	}
	return words.Other.Say(err.Error())
}

// Unavailable says that nothing can be looked at, why, and what to do. It is
// for the technician.
type Unavailable struct {
	Said words.Sentence
	// Displays are there instead of the one that was asked for.
	Displays []Named
}

// Error implements error.
func (u *Unavailable) Error() string { return u.Said.String() }

// Want is what a session looks for.
type Want struct {
	// Display is its name; empty is the machine's choice.
	Display string
	// Virtual allows to make a display where there is none.
	Virtual bool
	// Size is the viewer's; zero is unknown.
	Size image.Point
}

// Desk is one system's way to its displays.
type Desk interface {
	// Open connects to a display, for one session: displays are not shared. Where
	// there is none, the error is an *Unavailable. When ctx ends, all calls on the
	// Display give ErrGone; Close is called nonetheless.
	Open(ctx context.Context, want Want) (Display, error)
}

// Display is a connection to one display.
type Display interface {
	Source
	// Seat takes a place at the display's keyboard and pointer. Where input
	// cannot be given, the error wraps ErrUnable and says why.
	Seat(ctx context.Context, o SeatOptions) (Seat, error)
	// Close is called once, after the last of all other calls has returned.
	Close() error
}

// Source is what is looked at. But for Woken, one goroutine at a time calls
// it; a call may take as long as the display needs to answer. An error that is
// neither ErrChanged nor ErrUnable is the end of the display: ErrGone, mostly.
type Source interface {
	// Name is the display's: ":0".
	Name() string
	// Owner is the system's user whose display it is; empty is unknown. It is
	// known from the beginning on, and stays.
	Owner() string
	// Layout is how the display is now. What was damaged before counts no more:
	// all of it is to be looked at anew.
	Layout() (Layout, error)
	// Displays are all that the machine has now, where they are others than were
	// told last, and those that are left where this one is gone.
	Displays() (all []Named, changed bool)
	// Woken gets a value when Damage, Cursor, Layout or Displays may have news,
	// and when the display is gone. It never closes.
	Woken() <-chan struct{}
	// Damage gives what may have been painted since the last call, in pixels of
	// the display, and forgets it.
	Damage() ([]image.Rectangle, error)
	// Grab gives the pixels of a rectangle of the display as they are now, row by
	// row, 4 bytes a pixel: blue, green, red, and one that means nothing. They
	// are good until the next call. At most MaxGrab pixels at once.
	Grab(r image.Rectangle) ([]byte, error)
	// Cursor gives the pointer's shape where it is another than at the last call.
	Cursor() (c Cursor, changed bool, err error)
	// Pointer is where the pointer is, in pixels of the display.
	Pointer() (image.Point, error)
	// Resize fits the display to a size, as near as it can.
	Resize(size image.Point) error
}

// MaxGrab is how many pixels one Grab gives at most.
const MaxGrab = 1 << 21

// MaxMonitors bounds the monitors of a display.
const MaxMonitors = 64

// Layout is a display's size and monitors.
type Layout struct {
	Size     image.Point
	Monitors []Monitor
	// Displays are all of the machine, this one among them.
	Displays []Named
	// Limits are what is not possible here, and why.
	Limits []words.Sentence
}

// Named is a display that may be asked for.
type Named struct {
	// Name is ":0"; Owner the system's user whose it is, empty where unknown.
	Name, Owner string
}

// Monitor is a part of a display.
type Monitor struct {
	Name    string
	Bounds  image.Rectangle
	Primary bool
}

// Cursor is the pointer's shape.
type Cursor struct {
	// ID is the same for the same shape.
	ID   uint32
	Size image.Point
	Hot  image.Point
	// RGBA is not premultiplied, row by row.
	RGBA []byte
}

// SeatOptions tell a seat what it serves.
type SeatOptions struct {
	Request session.Request
	// Emit sends the viewer an event: what was copied on the display, say. It
	// may block, for as long as the viewer does not read, and gives the
	// session's end.
	Emit func(*warrenv1.ScreenEvent) error
	// Say keeps a note for the viewer, and does not block; nil is nobody.
	Say func(words.Sentence)
}

// Seat is what takes one technician's input on a display. The session calls it
// from one goroutine, Close last; a call may block as long as the display
// needs.
type Seat interface {
	// Clipboard tells in which directions copies travel: from the viewer to the
	// display, and back.
	Clipboard() (in, out bool)
	// Look tells what part of the display the viewer sees: positions of the
	// viewer's pointer count from its corner.
	Look(region image.Rectangle)
	// Take does one input: key, text, pointer, wheel, clipboard, release or
	// special. An error that wraps session.ErrInvalid is the viewer's fault and
	// ends the session; one that wraps ErrUnable is told to the viewer as a
	// note; others end the session.
	Take(ctx context.Context, in *warrenv1.ScreenInput) error
	// Close lets go of all keys and buttons that this seat holds down, and ends
	// what it runs.
	Close() error
}
