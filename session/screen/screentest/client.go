package screentest

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/tiles"
	"warren/session/screen/tiles/tilestest"
)

// The first byte of messages, see package screen.
const (
	kindEvent = 0x01
	kindInput = 0x11
)

// Output takes what a device shows. Both are called from Run, one at a time;
// while one blocks, the device sends no more than is on the way.
type Output struct {
	// Event is told of all events.
	Event func(*warrenv1.ScreenEvent)
	// Painted gets a frame's parts and the picture, which is Run's again on
	// return. The frame is acknowledged then.
	Painted func(f tiles.Frame, picture *image.NRGBA)
}

// Client is the technician's half of a view or control session, where the
// picture is wanted in this process. Input is safe for concurrent use.
type Client struct {
	stream  session.Stream
	out     Output
	sending sync.Mutex
}

// NewClient makes a client; Run it.
func NewClient(s session.Stream, out Output) *Client { return &Client{stream: s, out: out} }

// Run paints until the session ends, and gives the stream's error: io.EOF,
// session.ErrLost, or an *session.EndError with the device's reason. It does
// not close the stream. Call it once.
func (c *Client) Run(ctx context.Context) error {
	var (
		joiner  screen.Joiner
		decoder *tilestest.Decoder
		last    uint32
	)
	defer func() {
		if decoder != nil {
			decoder.Close()
		}
	}()
	for {
		message, err := c.stream.Receive(ctx)
		if err != nil {
			return err
		}
		whole, err := joiner.Add(message)
		if err != nil {
			return err
		}
		switch {
		case whole == nil:
		case whole[0] == kindEvent:
			e := &warrenv1.ScreenEvent{}
			if err := proto.Unmarshal(whole[1:], e); err != nil {
				return fmt.Errorf("decode event: %w", err)
			}
			if r := e.GetReady(); r != nil {
				if r.GetWidth() < 1 || r.GetHeight() < 1 || r.GetWidth() > tiles.MaxSide || r.GetHeight() > tiles.MaxSide {
					return fmt.Errorf("a picture of %d by %d pixels", r.GetWidth(), r.GetHeight())
				}
				if decoder != nil {
					decoder.Close()
				}
				if decoder, err = tilestest.NewDecoder(image.Pt(int(r.GetWidth()), int(r.GetHeight()))); err != nil {
					return err
				}
			}
			if c.out.Event != nil {
				c.out.Event(e)
			}
		case decoder == nil:
			return errors.New("a frame before the picture's size")
		default:
			f, err := decoder.Paint(whole[1:])
			if err != nil {
				return err
			}
			if f.Number != last+1 {
				return fmt.Errorf("frame %d after %d", f.Number, last)
			}
			last = f.Number
			if c.out.Painted != nil {
				c.out.Painted(f, decoder.Picture)
			}
			ack := &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Ack{Ack: &warrenv1.ScreenAck{Number: last}}}
			// Where the session takes no more, Receive finds out why.
			if err := c.Input(ctx, ack); err != nil && ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
}

// Hold says that the technician holds something until ctx ends, as pages do.
func (c *Client) Hold(ctx context.Context) {
	beat := time.NewTicker(500 * time.Millisecond)
	defer beat.Stop()
	for c.Input(ctx, &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Held{Held: &warrenv1.ScreenHeld{}}}) == nil {
		select {
		case <-beat.C:
		case <-ctx.Done():
			return
		}
	}
}

// Input sends what the technician does.
func (c *Client) Input(ctx context.Context, in *warrenv1.ScreenInput) error {
	m, err := proto.MarshalOptions{}.MarshalAppend([]byte{kindInput}, in)
	if err != nil {
		return fmt.Errorf("encode input: %w", err)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.stream.Send(ctx, m)
}
