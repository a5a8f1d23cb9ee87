package screen

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen/tiles"
)

// errMessage is what every refusal of a message wraps.
var errMessage = errors.New("message not acceptable")

// maxDisplays bounds the displays of a machine that are told.
const maxDisplays = 64

// The closed list of a message's first byte.
const (
	kindEvent = 0x01 // device to viewer: ScreenEvent
	kindPart  = 0x02 // device to viewer: a part of a frame, more follow
	kindLast  = 0x03 // device to viewer: the last part of a frame
	kindInput = 0x11 // viewer to device: ScreenInput
)

const (
	// maxBody is what a message carries behind its kind.
	maxBody = session.MaxMessage - 1
	// Bounds of what a viewer says.
	maxText = 4 << 10
	maxWord = 64
)

// eventMessage writes an event.
func eventMessage(e *warrenv1.ScreenEvent) ([]byte, error) {
	b, err := proto.MarshalOptions{}.MarshalAppend([]byte{kindEvent}, e)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	if len(b) > session.MaxMessage {
		return nil, fmt.Errorf("event of %d bytes: %w", len(b), errMessage)
	}
	return b, nil
}

// decodeInput reads a viewer's message.
func decodeInput(b []byte) (*warrenv1.ScreenInput, error) {
	if len(b) < 1 || len(b) > session.MaxMessage || b[0] != kindInput {
		return nil, fmt.Errorf("%d bytes from the viewer: %w", len(b), errMessage)
	}
	in := &warrenv1.ScreenInput{}
	if err := (proto.UnmarshalOptions{RecursionLimit: 4, DiscardUnknown: true}).Unmarshal(b[1:], in); err != nil {
		return nil, fmt.Errorf("decode input: %w", errors.Join(errMessage, err))
	}
	if !acceptable(in) {
		return nil, fmt.Errorf("input out of bounds: %w", errMessage)
	}
	return in, nil
}

// acceptable bounds what an input holds. An input of a kind that this version
// does not know is empty, and passed over.
func acceptable(in *warrenv1.ScreenInput) bool {
	switch i := in.GetInput().(type) {
	case *warrenv1.ScreenInput_Key:
		return len(i.Key.GetCode()) <= maxWord && len(i.Key.GetKey()) <= maxWord
	case *warrenv1.ScreenInput_Text:
		return len(i.Text) <= maxText && utf8.ValidString(i.Text)
	case *warrenv1.ScreenInput_Special:
		return len(i.Special) <= maxWord
	case *warrenv1.ScreenInput_Clipboard:
		c := i.Clipboard
		return len(c.GetMime()) <= maxWord && uint64(c.GetOffset())+uint64(len(c.GetPart())) <= uint64(c.GetTotal())
	case *warrenv1.ScreenInput_Quality:
		return len(i.Quality.GetMode()) <= maxWord
	case *warrenv1.ScreenInput_View:
		return i.View.GetWidth() <= tiles.MaxSide && i.View.GetHeight() <= tiles.MaxSide && i.View.GetMonitor() <= MaxMonitors
	default:
		return true
	}
}

// decodeRequest reads an offer's request; what it refuses is
// session.ErrInvalid.
func decodeRequest(b []byte) (*warrenv1.ScreenRequest, error) {
	m := &warrenv1.ScreenRequest{}
	if len(b) > maxText {
		return nil, fmt.Errorf("request of %d bytes: %w", len(b), session.ErrInvalid)
	}
	if err := (proto.UnmarshalOptions{RecursionLimit: 4}).Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("decode screen request: %w", errors.Join(session.ErrInvalid, err))
	}
	switch {
	case len(m.ProtoReflect().GetUnknown()) > 0:
		return nil, fmt.Errorf("the device's version does not know all that was asked for: %w", session.ErrInvalid)
	case len(m.GetDisplay()) > maxWord:
		return nil, fmt.Errorf("display %.80q: %w", m.GetDisplay(), session.ErrInvalid)
	case m.GetMonitor() > MaxMonitors:
		return nil, fmt.Errorf("monitor %d: %w", m.GetMonitor(), session.ErrInvalid)
	case m.GetMaxWidth() > tiles.MaxSide || m.GetMaxHeight() > tiles.MaxSide:
		return nil, fmt.Errorf("a viewer of %d by %d pixels: %w", m.GetMaxWidth(), m.GetMaxHeight(), session.ErrInvalid)
	}
	return m, nil
}

// Payload encodes what an offer with the verb "view" or "control" asks for,
// and refuses what the device would.
func Payload(r *warrenv1.ScreenRequest) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode screen request: %w", errors.Join(session.ErrInvalid, err))
	}
	if _, err := decodeRequest(b); err != nil {
		return nil, err
	}
	return b, nil
}

// parts cuts a frame into messages and hands each to send, whose slice is
// good until it returns.
func parts(frame, buffer []byte, send func([]byte) error) error {
	for {
		n, kind := len(frame), byte(kindLast)
		if n > maxBody {
			n, kind = maxBody, kindPart
		}
		buffer = append(append(buffer[:0], kind), frame[:n]...)
		if err := send(buffer); err != nil {
			return err
		}
		if frame = frame[n:]; kind == kindLast {
			return nil
		}
	}
}

// Joiner puts together the parts of a frame, of what a device sends.
type Joiner struct {
	frame []byte
	later bool
}

// Later tells that the event that Add gave last goes on what came before: it is
// a part of a copy.
func (j *Joiner) Later() bool { return j.later }

// keptFrame is how large a buffer is kept from frame to frame.
const keptFrame = 1 << 20

// Add takes a message. Where an event or a frame is whole with it, it gives
// that: the byte 1 and a ScreenEvent, or the byte 3 and a frame (package
// tiles). It is good until the next call, and as long as the message.
func (j *Joiner) Add(message []byte) (whole []byte, err error) {
	if len(message) == 0 || len(message) > session.MaxMessage {
		return nil, fmt.Errorf("%d bytes from the device: %w", len(message), errMessage)
	}
	switch message[0] {
	case kindEvent:
		if j.later, err = checkEvent(message[1:]); err != nil {
			return nil, err
		}
		return message, nil
	case kindPart, kindLast:
	default:
		return nil, fmt.Errorf("kind %d from the device: %w", message[0], errMessage)
	}
	if len(j.frame) == 0 {
		if message[0] == kindLast {
			return message, nil
		}
		j.frame = append(j.frame, kindLast)
	}
	if len(j.frame)+len(message)-2 > tiles.MaxFrame {
		return nil, fmt.Errorf("a frame of more than %d bytes: %w", tiles.MaxFrame, errMessage)
	}
	j.frame = append(j.frame, message[1:]...)
	if message[0] == kindPart {
		return nil, nil
	}
	whole, j.frame = j.frame, j.frame[:0]
	if cap(whole) > keptFrame {
		j.frame = nil // a large one was the first of all; those after it are small
	}
	return whole, nil
}
