package video

import (
	"fmt"
	"image"
	"time"

	"warren/session/screen/codec"
	"warren/session/screen/words"
)

const (
	// cell is the side of the squares in which motion is counted.
	cell = 64
	// span is over which time motion and costs are counted, in slots.
	slots  = 10
	slot   = 100 * time.Millisecond
	window = slots * slot
	// moves is in how many slots of the last a square was painted when it moves:
	// five times a second and more, for half a second and more.
	moves = 6
	// movesAtOnce is enough where the viewer wants video.
	movesAtOnce = 3
	// leastArea is the smallest region worth a video, in pixels.
	leastArea = 200 * 200
	// rests is how long a region was not painted when it goes back.
	rests = 400 * time.Millisecond
	// stays is how long a choice holds at least, resting apart.
	stays = time.Second
	// costs is what tiles may take on any link, in bytes a second; share is the
	// part that they may take of what the viewer allows.
	costs = 12_000_000 / 8
	share = 0.6
	// thin is a link, in bytes a second, on which AV1 is worth its slow start.
	thin = 1_500_000 / 8
)

// Wish is what the viewer asked for.
type Wish int

// The viewer's wishes.
const (
	Auto Wish = iota
	Lossless
	Video
)

// Link is what is known of the way to the viewer.
type Link struct {
	// Rate is the most that it has delivered of late, in bytes a second; zero is
	// unknown. It is what the link carries where tiles fall behind.
	Rate float64
	// Most is what the viewer allows, in bytes a second; zero is all.
	Most float64
}

// Choice is how the picture travels now.
type Choice struct {
	// Region is video; empty is none: all is sent as it is.
	Region image.Rectangle
	Codec  codec.Codec
	// Kbit is the rate that the video should have.
	Kbit int
	// Why is for the person who looks on.
	Why words.Sentence
}

// Chooser has seen what was painted of one picture.
type Chooser struct {
	size    image.Point
	columns int
	painted []uint16 // for each square: the slots in which it was painted, the newest lowest
	moving  []bool   // marked squares
	todo    []int    // for thing, kept for its room
	things  []image.Rectangle
	wish    Wish

	slot   int64
	bytes  [slots]int
	behind [slots]bool // some of what was painted found no room

	now     Choice
	whole   bool // now holds all that moves, as tiles beside it were dear
	since   time.Duration
	changed time.Duration // when the region was last painted
}

// New makes a Chooser for a picture of a size.
func New(size image.Point) *Chooser {
	columns, rows := (size.X+cell-1)/cell, (size.Y+cell-1)/cell
	return &Chooser{
		size: size, columns: columns, painted: make([]uint16, columns*rows), moving: make([]bool, columns*rows),
		since: -stays, now: Choice{Why: words.Exact.Say()},
	}
}

// Wish notes what the viewer asks for.
func (c *Chooser) Wish(w Wish) { c.wish = w }

// advance brings the slots up to now.
func (c *Chooser) advance(now time.Duration) {
	for n := int64(now / slot); c.slot < n; c.slot++ {
		if n-c.slot > slots {
			c.slot = n - slots - 1
		}
		at := (c.slot + 1) % slots
		c.bytes[at], c.behind[at] = 0, false
		for i := range c.painted {
			c.painted[i] = c.painted[i] << 1 & (1<<slots - 1)
		}
	}
}

// Painted notes damage, in pixels of the picture. A square counts where a good
// part of it is painted: a cursor that blinks in it is no film.
func (c *Chooser) Painted(now time.Duration, r image.Rectangle) {
	c.advance(now)
	r = r.Intersect(image.Rectangle{Max: c.size})
	if r.Empty() {
		return
	}
	if r.Overlaps(c.now.Region) {
		c.changed = now
	}
	for y := r.Min.Y / cell; y*cell < r.Max.Y; y++ {
		for x := r.Min.X / cell; x*cell < r.Max.X; x++ {
			whole := c.square(x, y)
			part := whole.Intersect(r)
			if part.Dx()*part.Dy()*4 >= whole.Dx()*whole.Dy() {
				c.painted[y*c.columns+x] |= 1
			}
		}
	}
}

func (c *Chooser) square(x, y int) image.Rectangle {
	return image.Rect(x*cell, y*cell, x*cell+cell, y*cell+cell).Intersect(image.Rectangle{Max: c.size})
}

// Sent notes what a frame of tiles took, and whether some of what was painted
// found no room in it.
func (c *Chooser) Sent(now time.Duration, bytes int, behind bool) {
	c.advance(now)
	at := c.slot % slots
	c.bytes[at] += bytes
	c.behind[at] = c.behind[at] || behind
}

// Choose decides.
func (c *Chooser) Choose(now time.Duration, link Link) Choice {
	c.advance(now)
	if c.now.Region.Empty() {
		c.enter(now, link)
	} else {
		c.stay(now, link)
	}
	return c.now
}

// enter looks whether a region goes to video.
func (c *Chooser) enter(now time.Duration, link Link) {
	c.now.Why = words.Exact.Say()
	if c.wish == Lossless {
		c.now.Why = words.ExactAsked.Say()
		return
	}
	need := moves
	if c.wish == Video {
		need = movesAtOnce
	}
	c.mark(need)
	region := c.core()
	if area(region) < leastArea {
		return
	}
	why, late, dear := c.tooDear(link)
	switch {
	case c.wish == Video:
		why = words.VideoAsked.Say()
	case now-c.since < stays, !dear:
		return
	}
	c.now = Choice{Region: region, Why: why, Codec: codec.VP9, Kbit: rate(link, 0)}
	if limit := link.limit(); (late || link.Most > 0) && limit > 0 && limit < thin {
		c.now.Codec = codec.AV1
	}
	c.whole = false
	c.turned(now)
	c.changed = now
}

// stay looks whether the video ends, or is to become another.
func (c *Chooser) stay(now time.Duration, link Link) {
	switch {
	case c.wish == Lossless, now-c.changed >= rests:
		c.leave(now)
		return
	case now-c.since < stays:
		return
	}
	c.now.Kbit = rate(link, c.now.Kbit)
	c.mark(moves)
	all := c.all()
	if all.Empty() { // painted, but seldom or little
		if c.mark(movesAtOnce); c.all().Empty() {
			c.leave(now)
		}
		return
	}
	if _, _, dear := c.tooDear(link); dear { // what moves beside it
		c.whole = true
	}
	if area(all)*2 < area(c.now.Region) {
		c.whole = false
	}
	region := all
	if !c.whole {
		region = c.core()
	}
	// What moves now beside it moves in; what has become much less is followed.
	grown := region.Union(c.now.Region)
	switch {
	case area(region)*2 < area(c.now.Region):
		c.now.Region = region
		c.turned(now)
	case grown != c.now.Region:
		c.now.Region = grown
		c.turned(now)
	}
}

// turned begins to count anew: what tiles took until now was for another region.
func (c *Chooser) turned(now time.Duration) {
	c.since = now
	c.bytes, c.behind = [slots]int{}, [slots]bool{}
}

// leave forgets what moved: what goes on has to show it again.
func (c *Chooser) leave(now time.Duration) {
	clear(c.painted)
	c.now = Choice{Why: words.Exact.Say()}
	if c.wish == Lossless {
		c.now.Why = words.ExactAsked.Say()
	}
	c.since = now
}

// tooDear tells whether tiles are too dear, why, and whether the link fell behind
// with them.
func (c *Chooser) tooDear(link Link) (why words.Sentence, behind, dear bool) {
	cost, late := c.cost()
	limit := link.limit()
	switch {
	case link.Most > 0 && limit == link.Most && (late > slots/2 || cost > share*link.Most):
		return words.Allowed.Say(mbit(link.Most)), late > slots/2, true
	case late > slots/2 && limit > 0:
		return words.Carries.Say(mbit(limit)), true, true
	case late > slots/2:
		return words.FallsBehind.Say(), true, true
	case cost > costs:
		return words.Took.Say(mbit(cost)), false, true
	}
	return words.Sentence{}, false, false
}

// cost is what tiles took in the last second, and in how many slots they fell
// behind.
func (c *Chooser) cost() (bytes float64, late int) {
	for i := range slots {
		bytes += float64(c.bytes[i])
		if c.behind[i] {
			late++
		}
	}
	return bytes / window.Seconds(), late
}

// limit is what may go out, in bytes a second; zero is unknown.
func (l Link) limit() float64 {
	switch {
	case l.Rate <= 0:
		return max(l.Most, 0)
	case l.Most > 0:
		return min(l.Rate, l.Most)
	}
	return l.Rate
}

// rate is what a video gets: most of the link, but no more than helps. One that
// is near the old one stays.
func rate(l Link, old int) int {
	limit := l.limit()
	if limit == 0 {
		if old != 0 {
			return old
		}
		return 4000
	}
	kbit := min(max(int(limit*8/1000*0.75), 150), 10_000)
	if old != 0 && kbit > old*4/5 && kbit < old*5/4 {
		return old
	}
	return kbit
}

func mbit(bytes float64) string { return fmt.Sprintf("%.1f", bytes*8/1e6) }
