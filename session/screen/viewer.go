package screen

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"sync/atomic"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen/tiles"
	"warren/session/screen/video"
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
	noVideo string // why there is none in this session
	buffer  []byte
	cursors map[uint32]bool
	pointer image.Point
	limits  []string // of this session

	nextFrame, nextPointer, nextQuality time.Time
	changes                             int
	meter                               meter

	crowded atomic.Bool
	woken   chan struct{}

	sending sync.Mutex // one message at a time

	inputs  chan *warrenv1.ScreenInput // on their way to the seat
	seating sync.Mutex                 // one call of seat at a time
	seat    Seat                       // nil: no input is taken

	mu     sync.Mutex
	pacer  *pacer
	wish   *warrenv1.ScreenView // a change of view that is to be done
	wished video.Wish
	notes  []string    // for the viewer
	placed image.Point // where the viewer has put the pointer
}

// meter counts what goes out.
type meter struct {
	bytes, frames int
	since         time.Time
}

func newViewer(k *kind, s session.Stream, r session.Request, asked *warrenv1.ScreenRequest) *viewer {
	return &viewer{
		kind: k, stream: s, request: r, asked: asked, begun: time.Now(), pacer: newPacer(),
		cursors: map[uint32]bool{}, woken: make(chan struct{}, 1), inputs: make(chan *warrenv1.ScreenInput, mostInputs), monitor: asked.GetMonitor(),
		pointer: image.Pt(-1, -1), placed: image.Pt(-1, -1),
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
	seat, err := v.display.Seat(ctx, SeatOptions{Request: v.request, Emit: func(e *warrenv1.ScreenEvent) error { return v.event(ctx, e) }})
	if errors.Is(err, ErrUnable) {
		v.limits = append(v.limits, err.Error())
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
		return frameEvery, v.relayout(ctx)
	}
	if err != nil {
		return 0, err
	}
	for _, r := range damage {
		v.painted(now, r.Intersect(v.region).Sub(v.region.Min))
	}
	if err := v.film(ctx, now); err != nil {
		if errors.Is(err, ErrChanged) {
			return frameEvery, v.relayout(ctx)
		}
		return 0, err
	}
	if v.dirt.some && !now.Before(v.nextFrame) {
		err := v.frame(ctx, now)
		if errors.Is(err, ErrChanged) {
			return frameEvery, v.relayout(ctx)
		}
		if err != nil {
			return 0, err
		}
	}
	next := v.nextPointer
	if v.dirt.some && v.nextFrame.Before(next) && v.room(now) > 0 { // else an acknowledgement wakes
		next = v.nextFrame
	}
	if m := v.motion; m.busy == nil && !m.region.Empty() && m.dirt.some && m.next.Before(next) && v.room(now) > 0 {
		next = m.next
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
		if err := v.note(ctx, n); err != nil {
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
	if err := v.cursor(ctx); err != nil {
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

// look changes what is looked at.
func (v *viewer) look(ctx context.Context, wish *warrenv1.ScreenView) error {
	if wish.GetResize() && wish.GetWidth() > 0 && wish.GetHeight() > 0 {
		if err := v.resize(image.Pt(int(wish.GetWidth()), int(wish.GetHeight()))); err != nil {
			return err
		}
	}
	if wish.GetMonitor() == v.monitor {
		return nil
	}
	v.monitor = wish.GetMonitor()
	return v.relayout(ctx)
}

// resize fits the display to the viewer; that it cannot be, or must not, is
// only said.
func (v *viewer) resize(size image.Point) error {
	if size.X == 0 || size.Y == 0 {
		return nil
	}
	if v.kind.verb != Control { // it moves the windows of whoever sits there
		v.say("the display keeps its size: only looking is granted here")
		return nil
	}
	err := v.display.Resize(size)
	if errors.Is(err, ErrUnable) {
		v.say(err.Error())
		return nil
	}
	return err
}

// say keeps a note for the viewer.
func (v *viewer) say(note string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.notes) < 8 {
		v.notes = append(v.notes, note)
	}
}

func (v *viewer) note(ctx context.Context, text string) error {
	return v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Note{Note: &warrenv1.ScreenNote{Text: text}}})
}

// relayout begins a new picture: at first, and when the display or what is
// looked at changes.
func (v *viewer) relayout(ctx context.Context) error {
	if v.changes++; v.changes > mostChanges {
		return fmt.Errorf("the display changes without end: %w", ErrGone)
	}
	layout, err := v.display.Layout()
	if err != nil {
		return err
	}
	v.layout = layout
	if int(v.monitor) > len(layout.Monitors) {
		v.say(fmt.Sprintf("there is no monitor %d; all are shown", v.monitor))
		v.monitor = 0
		v.wake()
	}
	v.region = image.Rectangle{Max: layout.Size}
	if v.monitor > 0 {
		v.region = layout.Monitors[v.monitor-1].Bounds
	}
	if v.encoder != nil {
		v.encoder.Close()
	}
	if v.encoder, err = tiles.NewEncoder(v.region.Size(), v.number()); err != nil {
		return err
	}
	v.motion.close()
	v.motion = newMotion(v.region.Size(), time.Now())
	v.dirt = newDirt(v.region.Size())
	v.dirt.add(image.Rectangle{Max: v.region.Size()})
	v.pointer = image.Pt(-1, -1)
	v.seating.Lock()
	if v.seat != nil {
		v.seat.Look(v.region)
	}
	v.seating.Unlock()
	if err := v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Ready{Ready: v.ready()}}); err != nil {
		return err
	}
	v.wake()
	return nil
}

// number is the last frame's.
func (v *viewer) number() uint32 {
	if v.encoder == nil {
		return 0
	}
	return v.encoder.Number()
}

func (v *viewer) ready() *warrenv1.ScreenReady {
	out := &warrenv1.ScreenReady{
		Display: v.display.Name(), Width: uint32(v.region.Dx()), Height: uint32(v.region.Dy()), //nolint:gosec // sides of a picture
		Monitor: v.monitor, Limits: append(append([]string{}, v.layout.Limits...), v.limits...),
	}
	for i, m := range v.layout.Monitors[:min(len(v.layout.Monitors), maxMonitors)] {
		out.Monitors = append(out.Monitors, &warrenv1.ScreenMonitor{
			Id: uint32(i + 1), Name: m.Name, Primary: m.Primary, //nolint:gosec // a few
			X: int32(m.Bounds.Min.X), Y: int32(m.Bounds.Min.Y), Width: uint32(m.Bounds.Dx()), Height: uint32(m.Bounds.Dy()), //nolint:gosec // on a display
		})
	}
	for _, d := range v.layout.Displays[:min(len(v.layout.Displays), maxDisplays)] {
		out.Displays = append(out.Displays, &warrenv1.ScreenDisplay{Name: d.Name, Owner: d.Owner})
	}
	v.seating.Lock()
	defer v.seating.Unlock()
	if v.seat != nil {
		out.Control = true
		out.ClipboardIn, out.ClipboardOut = v.seat.Clipboard()
	}
	return out
}

// frame grabs what was painted and sends as much of what really changed as
// may be on the way. What is left is grabbed anew the next time.
func (v *viewer) frame(ctx context.Context, now time.Time) error {
	budget := v.room(now)
	if budget == 0 {
		return nil
	}
	v.nextFrame = now.Add(frameEvery)
	rects := v.dirt.take()
	v.encoder.Begin(budget)
	for i, r := range rects {
		pixels, err := v.display.Grab(r.Add(v.region.Min))
		if err != nil {
			return err
		}
		for _, left := range v.encoder.Add(r, pixels) {
			v.dirt.add(left)
		}
		if v.encoder.Full() || i == 0 && r.Dx()*r.Dy() >= aloneFrom {
			for _, left := range rects[i+1:] {
				v.dirt.add(left)
			}
			break
		}
	}
	frame, left, err := v.encoder.Finish(uint32(now.Sub(v.begun).Milliseconds()), !v.dirt.some && v.motion.region.Empty()) //nolint:gosec // wraps after 49 days
	for _, r := range left {
		v.dirt.add(r)
	}
	if err != nil {
		return err
	}
	v.changes = 0
	if v.dirt.some { // what is left goes on as soon as there is room
		v.nextFrame = now
	}
	if frame == nil {
		return nil
	}
	v.motion.chooser.Sent(now.Sub(v.begun), len(frame), false)
	return v.ship(ctx, now, frame)
}

// ship sends a frame.
func (v *viewer) ship(ctx context.Context, now time.Time, frame []byte) error {
	v.mu.Lock()
	v.pacer.sent(v.encoder.Number(), len(frame), now)
	v.mu.Unlock()
	v.meter.bytes += len(frame)
	v.meter.frames++
	return parts(frame, v.buffer, func(m []byte) error { v.buffer = m; return v.send(ctx, m) })
}

// room is how long a frame may be now.
func (v *viewer) room(now time.Time) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.pacer.room(now)
}

// event sends an event.
func (v *viewer) event(ctx context.Context, e *warrenv1.ScreenEvent) error {
	m, err := eventMessage(e)
	if err != nil {
		return err
	}
	return v.send(ctx, m)
}

// send is what all that a viewer gets passes through.
func (v *viewer) send(ctx context.Context, message []byte) error {
	v.sending.Lock()
	defer v.sending.Unlock()
	return v.stream.Send(ctx, message)
}

// place tells where the pointer is, where another than the viewer has put it
// there.
func (v *viewer) place(ctx context.Context) error {
	at, err := v.display.Pointer()
	if err != nil {
		return err
	}
	at = at.Sub(v.region.Min)
	v.mu.Lock()
	own := at == v.placed
	v.mu.Unlock()
	if at == v.pointer || own {
		v.pointer = at
		return nil
	}
	v.pointer = at
	return v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Pointer{Pointer: &warrenv1.ScreenPlace{X: int32(at.X), Y: int32(at.Y)}}}) //nolint:gosec // near a display
}

// quality tells how the picture travels, while it does.
func (v *viewer) quality(ctx context.Context, now time.Time) error {
	if now.Before(v.nextQuality) {
		return nil
	}
	m := v.meter
	v.meter = meter{since: now}
	v.nextQuality = now.Add(qualityEvery)
	if m.frames == 0 || m.since.IsZero() {
		return nil
	}
	v.mu.Lock()
	rtt := v.pacer.rtt
	v.mu.Unlock()
	q := &warrenv1.ScreenQuality{
		KbitS:   uint32(float64(m.bytes) * 8 / 1000 / now.Sub(m.since).Seconds()),
		FramesS: uint32(float64(m.frames)/now.Sub(m.since).Seconds() + 0.5), RttMs: uint32(rtt.Milliseconds()), //nolint:gosec // small
	}
	v.how(q)
	return v.event(ctx, &warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Quality{Quality: q}})
}
