package screen

import (
	"context"
	"errors"
	"fmt"
	"image"
	"strconv"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session/screen/codec"
	"warren/session/screen/video"
	"warren/session/screen/words"
)

const (
	// staleAfter is how long something may have been painted and not sent before
	// the link counts as too slow.
	staleAfter = 250 * time.Millisecond
)

// Coder makes video: a *codec.Encoder.
type Coder interface {
	Lay(r image.Rectangle, pixels []byte, stride int) error
	Encode(ctx context.Context, at time.Duration, key bool) (codec.Packet, error)
	SetBitrate(kbit int)
	Close() error
}

func startCodec(ctx context.Context, o codec.Options) (Coder, error) {
	e, err := codec.Start(ctx, o)
	if err != nil { // not a nil pointer in an interface
		return nil, err
	}
	return e, nil
}

// motion is the part of one viewer's picture that travels as video: a
// rectangle whose damage is laid before a codec instead of among the tiles.
//
//	none --chosen--> starting --started--> moving --rests--> none
//	                     |failed for good: lossless from then on
//
// The codec starts and encodes in a goroutine, one thing at a time; all else is
// for the goroutine that has the viewer.
type motion struct {
	chooser  *video.Chooser
	choice   video.Choice
	region   image.Rectangle // what is video now
	dirt     *dirt           // of the region, in pixels of its own
	coder    Coder
	beat     beat
	quarters int       // of its width and height that are encoded; 0 is all
	clean    time.Time // when last nothing was left to send as tiles

	busy    context.CancelFunc // ends what the goroutine does; nil: it does nothing
	results chan filmed
}

// filmed is what the goroutine has done.
type filmed struct {
	coder  Coder // started
	packet codec.Packet
	at     time.Duration // when it was grabbed
	err    error
}

func newMotion(size image.Point, now time.Time) *motion {
	return &motion{chooser: video.New(size), clean: now, results: make(chan filmed, 1)}
}

// close ends the video; the picture goes with it.
func (m *motion) close() {
	if m == nil {
		return
	}
	if m.busy != nil {
		m.busy()
		if r := <-m.results; r.coder != nil {
			m.coder = r.coder
		}
		m.busy = nil
	}
	if m.coder != nil {
		_ = m.coder.Close() // nothing can be done about it
		m.coder = nil
	}
	m.region = image.Rectangle{}
}

// do runs f beside the viewer, which is woken when it is done.
func (v *viewer) do(ctx context.Context, f func(context.Context) filmed) {
	m := v.motion
	ctx, m.busy = context.WithCancel(ctx)
	go func() { // close waits for it
		m.results <- f(ctx)
		v.wake()
	}()
}

// painted sorts damage, in pixels of the picture, into tiles and video.
func (v *viewer) painted(now time.Time, r image.Rectangle) {
	m := v.motion
	m.chooser.Painted(now.Sub(v.begun), r)
	inside := r.Intersect(m.region)
	if inside.Empty() {
		v.dirt.add(r)
		return
	}
	m.dirt.add(inside.Sub(m.region.Min))
	v.dirt.add(image.Rect(r.Min.X, r.Min.Y, r.Max.X, inside.Min.Y))
	v.dirt.add(image.Rect(r.Min.X, inside.Max.Y, r.Max.X, r.Max.Y))
	v.dirt.add(image.Rect(r.Min.X, inside.Min.Y, inside.Min.X, inside.Max.Y))
	v.dirt.add(image.Rect(inside.Max.X, inside.Min.Y, r.Max.X, inside.Max.Y))
}

// film does what is due of the video.
func (v *viewer) film(ctx context.Context, now time.Time) error {
	m := v.motion
	select {
	case r := <-m.results:
		m.busy()
		m.busy = nil
		if err := v.filmed(ctx, now, r); err != nil {
			return err
		}
	default:
	}
	v.mu.Lock()
	link, wish := video.Link{Rate: v.pacer.best(), Most: v.pacer.purse.most}, v.wished
	heard := v.pacer.heard(now)
	v.mu.Unlock()
	if !v.dirt.some || !heard { // a viewer that does not look is not behind
		m.clean = now
	}
	if v.noVideo != nil {
		wish = video.Lossless
	}
	m.chooser.Wish(wish)
	m.chooser.Sent(now.Sub(v.begun), 0, now.Sub(m.clean) > staleAfter)
	choice := m.chooser.Choose(now.Sub(v.begun), link)
	idle := m.coder == nil && m.busy == nil && !choice.Region.Empty()
	if choice.Region != m.choice.Region || choice.Codec != m.choice.Codec || idle {
		if m.busy != nil { // what it does is of no use any more
			m.busy()
			return nil
		}
		v.turn(ctx, choice)
	}
	m.choice = choice
	if m.region.Empty() || m.busy != nil || !m.dirt.some || now.Before(m.beat.next) || !v.ahead(now) {
		return nil
	}
	return v.shoot(ctx, now)
}

// turn ends the video there is and begins the one that is chosen.
func (v *viewer) turn(ctx context.Context, choice video.Choice) {
	m := v.motion
	v.dirt.add(m.region) // built up without loss
	m.close()
	if choice.Region.Empty() {
		return
	}
	o := codec.Options{Codec: choice.Codec, Width: choice.Region.Dx(), Height: choice.Region.Dy(), Kbit: choice.Kbit, Log: v.kind.crowd.cfg.Log}
	v.do(ctx, func(ctx context.Context) filmed {
		c, err := v.kind.crowd.cfg.Video(ctx, o)
		return filmed{coder: c, err: err}
	})
}

// filmed takes what the goroutine has done.
func (v *viewer) filmed(ctx context.Context, now time.Time, r filmed) error {
	m := v.motion
	switch {
	case r.coder != nil:
		m.coder, m.region = r.coder, m.choice.Region
		v.encoder.Forget(m.region)
		v.dirt.drop(m.region)
		m.dirt = newDirt(m.region.Size())
		m.dirt.add(image.Rectangle{Max: m.region.Size()})
		return nil
	case errors.Is(r.err, context.Canceled):
		return nil
	case r.err != nil: // whatever it is, the picture goes on without
		why := words.VideoFailed.Say(r.err.Error())
		if errors.Is(r.err, codec.ErrMissing) {
			why = words.NoCodecs.Say()
		}
		v.noVideo = &why
		v.kind.crowd.cfg.Log.Warn("video ended", "session", v.request.ID.String(), "error", r.err)
		v.say(why)
		return nil
	case len(r.packet.Bytes) == 0:
		return nil
	}
	m.quarters = r.packet.Quarters
	frame, err := v.encoder.Video(uint32(r.at.Milliseconds()), byte(m.choice.Codec), m.region, r.packet.Key, r.packet.Bytes) //nolint:gosec // wraps after 49 days
	if err != nil {
		return err
	}
	return v.ship(ctx, now, frame, true)
}

// shoot grabs what was painted in the region and has it encoded.
func (v *viewer) shoot(ctx context.Context, now time.Time) error {
	m := v.motion
	m.beat.took(now)
	v.mu.Lock()
	v.pacer.purse.film()
	v.mu.Unlock()
	for _, r := range m.dirt.take() {
		pixels, err := v.display.Grab(r.Add(m.region.Min).Add(v.region.Min))
		if err != nil {
			return err
		}
		if err := m.coder.Lay(r, pixels, 4*r.Dx()); err != nil {
			return fmt.Errorf("film: %w", err)
		}
	}
	m.coder.SetBitrate(m.choice.Kbit)
	at, coder := now.Sub(v.begun), m.coder
	v.do(ctx, func(ctx context.Context) filmed {
		packet, err := coder.Encode(ctx, at, false)
		return filmed{packet: packet, at: at, err: err}
	})
	return nil
}

// how tells in what way the picture travels, and why.
func (v *viewer) how(q *warrenv1.ScreenQuality) {
	m := v.motion
	q.Mode, q.Codec = "lossless", "zstd"
	why := []words.Sentence{m.choice.Why}
	switch {
	case !m.region.Empty():
		q.Mode, q.Codec = "video", m.choice.Codec.String()
		if m.quarters > 0 && m.quarters < 4 {
			why = append(why, words.FewerPixels.Say(strconv.Itoa(25*m.quarters)))
		}
	case v.noVideo != nil:
		why[0] = *v.noVideo
	}
	for i, s := range why {
		if i > 0 {
			q.Why += "; "
		}
		q.Why, q.Said = q.Why+s.String(), append(q.Said, said(s))
	}
}
