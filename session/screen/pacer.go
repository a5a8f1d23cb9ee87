package screen

import (
	"fmt"
	"time"
)

const (
	// queueTarget is how long what was sent may wait on the way, beyond the
	// time that an empty way takes.
	queueTarget = 60 * time.Millisecond
	// firstWindow is in flight before anything was measured, leastWindow on the
	// thinnest link, mostWindow on the fastest.
	firstWindow = 32 << 10
	leastWindow = 3 << 10
	mostWindow  = 4 << 20
	// shortTime is too short to tell a rate from.
	shortTime = 2 * time.Millisecond
	// smallFrame takes no time worth speaking of on the way, in bytes.
	smallFrame = 2 << 10
	// The way may have become longer: its length is measured anew this often.
	measureEvery = 10 * time.Second
	// rateMemory is how long the highest rate seen counts.
	rateMemory = time.Second
	// hearing is how long after an acknowledgement a viewer counts as looking on:
	// a page that is hidden acknowledges nothing.
	hearing = time.Second
	// mostFlight bounds the frames in flight.
	mostFlight = 64
)

// pacer decides how much may be on the way to the viewer: what the link
// delivers in the time that an empty way takes and queueTarget. It measures
// both from acknowledgements, as BBR does: the rate from what was delivered
// between a frame's sending and its acknowledgement, the way's length from
// frames that found it empty.
//
//	starting: the window grows by what is acknowledged, until the queue shows
//	steady:   it grows slowly while the queue is short, and shrinks to rate
//	          times time where it is long
//	emptying: at first, and now and then, all has to be acknowledged before a
//	          short frame is sent, which measures the way
//
// It knows no clock: every call says what time it is.
type pacer struct {
	window   float64
	starting bool
	purse    purse

	flight    []flying
	inFlight  int
	filmed    flyingFilm // the part of that which is video
	delivered int
	ackedAt   time.Time
	last      uint32 // the highest number acknowledged

	way        time.Duration // an empty way's time; 0 is unknown
	measuredAt time.Time
	emptying   bool
	shrunkAt   time.Time
	rtt        time.Duration // of the last frame acknowledged

	rate      [2]float64 // bytes a second, the highest of this span and of the one before
	rateSince time.Time
}

// flyingFilm counts what of a video is on the way.
type flyingFilm struct{ frames, bytes int }

// flying is a frame on the way.
type flying struct {
	number        uint32
	bytes         int
	at            time.Time
	delivered     int       // by the time it was sent
	deliveredAt   time.Time // when that was
	alone, capped bool      // it found the way empty; it filled the window
	film          bool
}

func newPacer() *pacer { return &pacer{window: firstWindow, starting: true} }

// room is how many bytes a frame may have now; 0 is none, until something is
// acknowledged.
func (p *pacer) room(now time.Time) int {
	n := p.carries(now)
	if may, bound := p.purse.has(now); bound {
		if may < leastWindow/2 {
			return 0
		}
		n = min(n, int(may))
	}
	return n
}

// carries is room, as far as the link is concerned.
func (p *pacer) carries(now time.Time) int {
	p.emptying = now.Sub(p.measuredAt) > measureEvery
	window := p.allowed()
	switch {
	case p.emptying && p.inFlight > 0 || len(p.flight) >= mostFlight:
		return 0
	case p.emptying: // a short frame finds out how long the way is
		return smallFrame / 2
	}
	// A video keeps to the link's rate by itself, and what is beside it does not
	// wait for it.
	inFlight := p.inFlight - p.filmed.bytes
	if inFlight > 0 && float64(inFlight)+max(window/4, leastWindow/2) > window {
		return 0
	}
	most := max(window/2, leastWindow)
	if !p.starting {
		most = min(most, max(p.best()*(queueTarget/2).Seconds(), leastWindow))
	}
	return int(max(min(window-float64(inFlight), most), leastWindow/2))
}

// ahead tells that a picture of a video may be begun. Its length is the
// codec's affair, which knows the link's rate; what counts here is time: while
// one picture is encoded, the one before may be on the way and being painted.
func (p *pacer) ahead(now time.Time) bool {
	if may, bound := p.purse.has(now); bound && may <= 0 {
		return false
	}
	return (p.carries(now) > 0 || !p.emptying) && p.filmed.frames < 2
}

// allowed is the window within what the viewer wishes.
func (p *pacer) allowed() float64 {
	if p.purse.most > 0 {
		return min(p.window, max(p.purse.most*(p.way+queueTarget).Seconds(), leastWindow))
	}
	return p.window
}

// sent notes a frame.
func (p *pacer) sent(number uint32, bytes int, film bool, now time.Time) {
	f := flying{number: number, bytes: bytes, at: now, delivered: p.delivered, deliveredAt: p.ackedAt, alone: p.inFlight == 0, film: film}
	if f.alone {
		f.deliveredAt = now
	}
	p.inFlight += bytes
	p.purse.pay(bytes)
	if film {
		p.filmed.frames++
		p.filmed.bytes += bytes
	}
	f.capped = float64(p.inFlight) >= p.window/2
	p.flight = append(p.flight, f)
}

// acked notes that all frames up to number are painted.
func (p *pacer) acked(number uint32, now time.Time) error {
	if len(p.flight) == 0 || number < p.flight[0].number {
		if number > p.last {
			return fmt.Errorf("acknowledges frame %d, which was not sent: %w", number, errMessage)
		}
		return nil // again, or out of date: a view that has changed since
	}
	if number > p.flight[len(p.flight)-1].number {
		return fmt.Errorf("acknowledges frame %d, which was not sent: %w", number, errMessage)
	}
	var f flying
	bytes, capped := 0, false
	for len(p.flight) > 0 && p.flight[0].number <= number {
		f, p.flight = p.flight[0], p.flight[1:]
		bytes += f.bytes
		if f.film {
			p.filmed.frames--
			p.filmed.bytes -= f.bytes
		}
		capped = capped || f.capped
	}
	p.last = number
	p.inFlight -= bytes
	p.delivered += bytes
	p.ackedAt = now
	p.rtt = now.Sub(f.at)
	p.measure(f, now)
	p.adjust(bytes, capped, now)
	return nil
}

// measure learns from a frame that has arrived.
func (p *pacer) measure(f flying, now time.Time) {
	took := now.Sub(f.deliveredAt)
	if f.alone { // the way's own time says nothing of the rate
		if took -= p.way; f.bytes <= smallFrame || took < shortTime {
			took = 0
		}
	}
	if took > 0 {
		rate := float64(p.delivered-f.delivered) / took.Seconds()
		if now.Sub(p.rateSince) > rateMemory {
			p.rate[1], p.rate[0], p.rateSince = p.rate[0], 0, now
			if !f.capped { // an idle viewer's link is no slower for that
				p.rate[0] = p.rate[1]
			}
		}
		p.rate[0] = max(p.rate[0], rate)
	}
	if f.alone && p.emptying || p.rtt <= p.way {
		p.way, p.measuredAt, p.emptying = p.empty(f), now, false
	}
}

// empty is the way's time as f, which found it empty, tells. One that is not
// short has taken time of its own, as far as that is known; a picture of a
// video has the length that it has.
func (p *pacer) empty(f flying) time.Duration {
	if f.bytes <= smallFrame || p.rtt <= p.way || p.way == 0 || p.best() == 0 {
		return p.rtt
	}
	own := time.Duration(float64(f.bytes) / p.best() * float64(time.Second))
	return max(p.rtt-own, p.way)
}

// heard tells that something was acknowledged of late.
func (p *pacer) heard(now time.Time) bool { return now.Sub(p.ackedAt) <= hearing }

// best is the highest rate of late, in bytes a second.
func (p *pacer) best() float64 { return max(p.rate[0], p.rate[1]) }

// adjust moves the window.
func (p *pacer) adjust(bytes int, capped bool, now time.Time) {
	queue := p.rtt - p.way
	switch {
	case queue > queueTarget:
		p.starting = false
		fits := p.best() * (p.way + queueTarget*3/4).Seconds()
		p.window = min(p.window, fits)
		if queue > 2*queueTarget && now.Sub(p.shrunkAt) > p.rtt {
			p.window *= 0.7
			p.shrunkAt = now
		}
	case !capped:
	case p.starting && queue < queueTarget/2:
		p.window += float64(bytes)
	case queue < queueTarget*3/4:
		p.window += float64(bytes) / 4
	}
	p.window = min(max(p.window, leastWindow), mostWindow)
}
