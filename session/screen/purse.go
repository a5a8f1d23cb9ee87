package screen

import "time"

const (
	// leastMost is the lowest bound that is kept, in bytes a second: below it no
	// picture is of use.
	leastMost = 100_000 / 8
	// saving is for how long what was not used may be used later: a letter that
	// is typed does not wait.
	saving = 100 * time.Millisecond
	// What a frame costs on the wire beyond its own bytes: its pieces' headers
	// are an eighth (SCTP, DTLS, UDP and IPv6 in a packet of the overlay), and
	// one piece is not full.
	headersOf = 8
	headersOn = 100
)

// purse holds what the viewer allows to go out, in bytes: it fills with time,
// and each frame pays from it. A picture of a video has the length that it has,
// so it may owe; the next one waits. Zero is no bound.
type purse struct {
	most float64 // bytes a second
	left float64
	at   time.Time
}

// allow sets the bound; 0 is none.
func (p *purse) allow(kbit uint32, now time.Time) {
	most := float64(kbit) * 1000 / 8
	if most > 0 {
		most = max(most, leastMost)
	}
	if p.most == 0 {
		p.left, p.at = 0, now
	}
	p.most = most
}

// has tells what may go out now.
func (p *purse) has(now time.Time) (bytes float64, bound bool) {
	if p.most == 0 {
		return 0, false
	}
	full := max(p.most*saving.Seconds(), leastWindow)
	p.left, p.at = min(p.left+p.most*now.Sub(p.at).Seconds(), full), now
	return p.left / (1 + 1.0/headersOf), true
}

// film is told before each picture of a video, which is none of what saving is
// for: its length comes on top of what it may take.
func (p *purse) film() { p.left = min(p.left, 0) }

func (p *purse) pay(bytes int) {
	p.left -= float64(bytes + bytes/headersOf + headersOn)
}
