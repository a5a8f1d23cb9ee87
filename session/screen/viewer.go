package screen

import (
	"context"
	"errors"
	"image"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen/tiles"
	"warren/session/screen/video"
	"warren/session/screen/words"
)

const (
	// frameEvery is the shortest time between two frames' grabs: what a browser
	// paints.
	frameEvery = time.Second / 60
	// pointerEvery is how often is looked where the pointer is.
	pointerEvery = 50 * time.Millisecond
	// qualityEvery is how often a viewer is told how the picture travels.
	qualityEvery = time.Second
	// aloneFrom is how large a rectangle gets a frame to itself, in pixels:
	// scrolling is found in a frame's first only.
	aloneFrom = 1 << 19
	// mostChanges bounds how often a display may change in a row without a
	// picture in between.
	mostChanges = 100
	// picturesEvery and mostPictures bound how often a picture begins anew: each
	// is room for all of it, here and at the viewer. A window that is dragged has
	// a virtual display follow it.
	picturesEvery = 200 * time.Millisecond
	mostPictures  = 20
)

// viewer is one session: one display, one technician. But for what its mutex
// guards, run's goroutine alone has it.
type viewer struct {
	kind    *kind
	stream  session.Stream
	request session.Request
	asked   *warrenv1.ScreenRequest
	halt    context.CancelCauseFunc // ends the session
	begun   time.Time

	display Display
	layout  Layout
	monitor uint32
	region  image.Rectangle // of the display: the picture
	encoder *tiles.Encoder
	dirt    *dirt
	motion  *motion
	noVideo *words.Sentence // why there is none in this session
	left    []Named         // displays that are there when this one has ended
	buffer  []byte
	cursors map[uint32]bool
	pointer image.Point
	limits  []words.Sentence // of this session

	nextFrame, nextPointer, nextQuality time.Time
	nextShape                           time.Time // of the pointer
	shapeWaits                          bool
	changes                             int
	pictures                            *rate.Limiter // that begin
	meter                               meter

	crowded atomic.Bool
	woken   chan struct{}

	sending sync.Mutex // one message at a time

	inputs  chan *warrenv1.ScreenInput // on their way to the seat
	seating turn                       // one call of seat at a time
	seat    Seat                       // nil: no input is taken

	mu     sync.Mutex
	pacer  *pacer
	wish   *warrenv1.ScreenView // a change of view that is to be done
	wished video.Wish
	notes  []words.Sentence // for the viewer
	placed image.Point      // where the viewer has put the pointer
}

// turn is a mutex that can be waited for within a time.
type turn chan struct{}

func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

// free waits until nobody holds it.
func (t turn) free(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		<-t
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func newViewer(k *kind, s session.Stream, r session.Request, asked *warrenv1.ScreenRequest) *viewer {
	return &viewer{
		kind: k, stream: s, request: r, asked: asked, begun: time.Now(), pacer: newPacer(),
		cursors: map[uint32]bool{}, woken: make(chan struct{}, 1), seating: make(turn, 1), inputs: make(chan *warrenv1.ScreenInput, mostInputs), monitor: asked.GetMonitor(),
		pointer: image.Pt(-1, -1), placed: image.Pt(-1, -1), pictures: rate.NewLimiter(rate.Every(picturesEvery), mostPictures),
	}
}

func (v *viewer) wake() {
	select {
	case v.woken <- struct{}{}:
	default:
	}
}

// run shows the display until ctx ends, or the display does.
func (v *viewer) run(ctx context.Context) (err error) {
	size := image.Pt(int(v.asked.GetMaxWidth()), int(v.asked.GetMaxHeight()))
	v.display, err = v.kind.crowd.cfg.Desk.Open(ctx, Want{Display: v.asked.GetDisplay(), Virtual: v.asked.GetVirtual(), Size: size})
	if err != nil {
		return err
	}
	defer func() {
		if errors.Is(err, ErrGone) {
			v.left, _ = v.display.Displays()
		}
		v.stand()
		v.motion.close()
		err = errors.Join(err, v.display.Close())
		if v.encoder != nil {
			v.encoder.Close()
		}
	}()
	// What blocks for the viewer ends before the seat and the display close.
	present, end := context.WithCancel(ctx)
	told, err := v.meet(present)
	if err != nil {
		end()
		return err
	}
	defer func() {
		end()
		<-told
	}()
	defer v.kind.crowd.enter(v)()
	if v.asked.GetResize() {
		if err := v.resize(size); err != nil {
			return err
		}
	}
	if err := v.sit(present); err != nil {
		return err
	}
	v.audit(whose(v.display) + " is shown")
	if err := v.relayout(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-v.display.Woken():
		case <-v.woken:
		case <-timer.C:
		}
		wait, err := v.step(ctx, time.Now())
		if err != nil {
			return err
		}
		timer.Reset(wait)
	}
}

// sit takes a seat, for control.
func (v *viewer) sit(ctx context.Context) error {
	if v.kind.verb != Control {
		return nil
	}
	seat, err := v.display.Seat(ctx, SeatOptions{
		Request: v.request, Say: v.say, Emit: func(e *warrenv1.ScreenEvent) error { return v.event(ctx, e) },
	})
	if errors.Is(err, ErrUnable) {
		v.limits = append(v.limits, sentence(err))
		return nil
	}
	if err != nil {
		return err
	}
	v.seating.Lock()
	defer v.seating.Unlock()
	v.seat = seat
	return nil
}

// stand leaves the seat.
func (v *viewer) stand() {
	v.seating.Lock()
	defer v.seating.Unlock()
	if v.seat != nil {
		if err := v.seat.Close(); err != nil {
			v.kind.crowd.cfg.Log.Warn("seat did not close in order", "session", v.request.ID.String(), "error", err)
		}
		v.seat = nil
	}
}

// step does what is due and gives the time until the next is.
func (v *viewer) step(ctx context.Context, now time.Time) (time.Duration, error) {
	if err := v.attend(ctx, now); err != nil {
		return 0, err
	}
	damage, err := v.display.Damage()
	if errors.Is(err, ErrChanged) {
		return v.another(ctx, now)
	}
	if err != nil {
		return 0, err
	}
	for _, r := range damage {
		v.painted(now, r.Intersect(v.region).Sub(v.region.Min))
	}
	if err := v.film(ctx, now); err != nil {
		if errors.Is(err, ErrChanged) {
			return v.another(ctx, now)
		}
		return 0, err
	}
	if v.dirt.some && !now.Before(v.nextFrame) {
		err := v.frame(ctx, now)
		if errors.Is(err, ErrChanged) {
			return v.another(ctx, now)
		}
		if err != nil {
			return 0, err
		}
	}
	next := v.nextPointer
	if v.shapeWaits && v.nextShape.Before(next) {
		next = v.nextShape
	}
	if v.dirt.some && v.nextFrame.Before(next) && v.room(now) > 0 { // else an acknowledgement wakes
		next = v.nextFrame
	}
	if m := v.motion; m.busy == nil && !m.region.Empty() && m.dirt.some && m.beat.next.Before(next) && v.ahead(now) {
		next = m.beat.next
	}
	return max(time.Until(next), 0), nil
}

// attend does what is not pixels.
func (v *viewer) attend(ctx context.Context, now time.Time) error {
	v.mu.Lock()
	wish, notes := v.wish, v.notes
	v.wish, v.notes = nil, nil
	v.mu.Unlock()
	for _, n := range notes {
		if err := v.event(ctx, NoteOf(n)); err != nil {
			return err
		}
	}
	if wish != nil {
		if err := v.look(ctx, wish); err != nil {
			return err
		}
	}
	if v.crowded.Swap(false) {
		names := v.kind.crowd.names(v.display.Name())
		if err := v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Viewers{Viewers: &warrenv1.ScreenViewers{Technicians: names}}}); err != nil {
			return err
		}
	}
	if all, changed := v.display.Displays(); changed {
		if err := v.tellOf(ctx, all); err != nil {
			return err
		}
	}
	if err := v.cursor(ctx, now); err != nil {
		return err
	}
	if !now.Before(v.nextPointer) {
		v.nextPointer = now.Add(pointerEvery)
		if err := v.place(ctx); err != nil {
			return err
		}
	}
	return v.quality(ctx, now)
}
