package codec

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"sync/atomic"
	"time"
)

// A helper that died this often within this time is not started again.
const (
	maxDeaths   = 3
	deathWindow = time.Minute
)

// Encoder turns the pictures of one size into packets of one codec: Lay what
// has changed, then Encode. Both are for one goroutine; SetBitrate and Close
// for any.
type Encoder struct {
	options Options
	kbit    atomic.Int64
	program *program
	shared  *shared
	closed  atomic.Bool

	mu     sync.Mutex        // held by Lay and Encode
	laid   []image.Rectangle // of the shared picture, since the last Encode
	deaths []time.Time
	end    error // ErrGivenUp or ErrClosed, with the reason

	live    sync.Mutex // guards helper against Close
	helper  *helper
	told    int64 // the rate that helper knows
	started int   // helpers so far
}

// Start unpacks the helper and starts it; ctx bounds that alone. Close ends it.
// A helper that dies later is started anew by Encode.
func Start(ctx context.Context, options Options) (*Encoder, error) {
	if err := options.check(); err != nil {
		return nil, fmt.Errorf("start video: %w", err)
	}
	packed, err := embedded()
	if err != nil {
		return nil, fmt.Errorf("start video: %w", err)
	}
	text, err := unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("start video: %w", err)
	}
	return start(ctx, options, text)
}

func start(ctx context.Context, options Options, text []byte) (_ *Encoder, err error) {
	e := &Encoder{options: options}
	e.kbit.Store(int64(options.Kbit))
	defer func() {
		if err != nil {
			_ = e.Close()
			err = fmt.Errorf("start video: %w", err)
		}
	}()
	if e.program, err = newProgram(text); err != nil {
		return nil, err
	}
	size := options.coded()
	if e.shared, err = newShared(size.X * size.Y * 4); err != nil {
		return nil, err
	}
	if err = e.launch(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// launch starts a helper. Called by one goroutine at a time.
func (e *Encoder) launch(ctx context.Context) error {
	h, err := e.program.run(e.shared)
	if err != nil {
		return err
	}
	e.live.Lock()
	if e.closed.Load() {
		e.live.Unlock()
		h.end()
		return ErrClosed
	}
	e.helper = h
	e.live.Unlock()
	options := e.options
	e.told = e.kbit.Load()
	options.Kbit = int(e.told)
	e.started++
	a, err := h.ask(ctx, startMessage(options), e.options.Patience, 0)
	if err == nil && a.kind != isReady {
		err = errGarbage
	}
	if must := heldSeccomp | heldUser; err == nil && held(a.flags)&must != must {
		err = errors.New("the codec helper is not confined here")
	}
	if err != nil {
		return e.bury(err)
	}
	e.options.Log.Debug("codec helper started", "codec", e.options.Codec.String(), "confined", int(a.flags))
	return nil
}

// bury ends the helper and adds to err how it died, where it did by itself.
func (e *Encoder) bury(err error) error {
	e.live.Lock()
	h := e.helper
	e.helper = nil
	e.live.Unlock()
	if h == nil {
		return err
	}
	return h.autopsy(err)
}

// Lay copies pixels into the picture: of r, row by row, stride bytes from one
// row to the next, 4 bytes a pixel: blue, green, red, and one that means
// nothing. What was never laid is black.
func (e *Encoder) Lay(r image.Rectangle, pix []byte, stride int) error {
	own := image.Pt(e.options.Width, e.options.Height)
	if r.Empty() || !r.In(image.Rectangle{Max: own}) {
		return fmt.Errorf("lay %v into a picture of %v", r, own)
	}
	if stride < r.Dx()*4 || len(pix) < stride*(r.Dy()-1)+r.Dx()*4 {
		return fmt.Errorf("lay %v: %d bytes, %d a row, are not that much", r, len(pix), stride)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed.Load() {
		return ErrClosed
	}
	r = lay(e.shared.bytes, e.options.coded(), own, r, pix, stride)
	if len(e.laid) == maxRects {
		for _, l := range e.laid {
			r = r.Union(l)
		}
		e.laid = e.laid[:0]
	}
	e.laid = append(e.laid, r)
	return nil
}

// Encode brings what was laid since the last time into the encoder and returns
// its packet; the first one is a key. Where nothing was laid it encodes the
// picture once more, which makes it better. at is the device's clock, when the
// picture was grabbed.
//
// A helper that crashes, hangs or talks nonsense is replaced, and the picture
// encoded as a key by the next one. The third death in a minute is the end:
// ErrGivenUp, with the reason, now and for ever. When ctx ends first, the
// helper is killed, because it cannot be asked to stop; the next call begins
// with a new one.
func (e *Encoder) Encode(ctx context.Context, at time.Duration, key bool) (Packet, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.end == nil && e.closed.Load() {
		e.end = ErrClosed
	}
	if e.end != nil {
		return Packet{}, fmt.Errorf("encode: %w", e.end)
	}
	for {
		out, err := e.attempt(ctx, at, key)
		switch {
		case err == nil:
			return out, nil
		case e.closed.Load():
			e.end = ErrClosed
			return Packet{}, fmt.Errorf("encode: %w", ErrClosed)
		case ctx.Err() != nil:
			return Packet{}, fmt.Errorf("encode: %w", ctx.Err())
		}
		now := time.Now()
		for len(e.deaths) > 0 && now.Sub(e.deaths[0]) > deathWindow {
			e.deaths = e.deaths[1:]
		}
		if e.deaths = append(e.deaths, now); len(e.deaths) >= maxDeaths {
			e.end = fmt.Errorf("%w: %w", ErrGivenUp, err)
			e.options.Log.Warn("video codec given up", "codec", e.options.Codec.String(), "error", err)
			return Packet{}, fmt.Errorf("encode: %w", e.end)
		}
		e.options.Log.Warn("codec helper died", "codec", e.options.Codec.String(), "error", err)
	}
}

// attempt has one picture encoded, by a new helper where there is none.
func (e *Encoder) attempt(ctx context.Context, at time.Duration, key bool) (Packet, error) {
	if e.helper == nil {
		if err := e.launch(ctx); err != nil {
			return Packet{}, err
		}
		e.laid = append(e.laid[:0], image.Rectangle{Max: e.options.coded()})
	}
	var message []byte
	if kbit := e.kbit.Load(); kbit != e.told {
		e.told = kbit
		message = rateMessage(int(kbit))
	}
	message = append(message, encodeMessage(at, key, e.laid)...)
	a, err := e.helper.ask(ctx, message, e.options.Patience, maxPacket)
	if err == nil && a.kind != isPacket {
		err = errGarbage
	}
	if err != nil {
		return Packet{}, e.bury(err)
	}
	e.laid = e.laid[:0]
	return Packet{Bytes: a.body, Key: a.flags == 1, Quarters: a.quarters, Convert: a.convert, Encode: a.encode}, nil
}

// SetBitrate changes the rate aimed at, in kbit/s, from the next picture on.
func (e *Encoder) SetBitrate(kbit int) {
	e.kbit.Store(int64(min(max(kbit, 1), maxKbit)))
}

// Close ends the helper, also in the middle of a picture, and frees its memory.
// Later calls do nothing.
func (e *Encoder) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	e.live.Lock()
	if e.helper != nil {
		e.helper.kill()
	}
	e.live.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.bury(ErrClosed)
	return errors.Join(e.shared.close(), e.program.close())
}
