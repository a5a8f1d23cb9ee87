package tiles

import (
	"bytes"
	"hash/maphash"
	"image"
)

const (
	// Scrolling is looked for in strips of a changed rectangle, so that what
	// stands still beside it does not hide it.
	strips     = 8
	leastStrip = 64
	leastRows  = 16
)

// rowIndex holds what is looked for moves with.
type rowIndex struct {
	seed      maphash.Seed
	now, seen []uint64
	at        map[uint64]int32 // a row's place among those seen; negative where there are several
	count     map[uint64]bool  // rows of now; true where there are several
	votes     map[int]int
}

func newRowIndex() rowIndex {
	return rowIndex{seed: maphash.MakeSeed(), at: map[uint64]int32{}, count: map[uint64]bool{}, votes: map[int]int{}}
}

// findMoves looks for rows of the picture that have gone up or down inside r,
// and moves them: in the frame and in the picture as the viewer has it. A
// wrong guess costs bytes only, since all is compared afterwards.
func (e *Encoder) findMoves(r image.Rectangle, pixels []byte) {
	if r.Dx() < leastStrip || r.Dy() < leastRows {
		return
	}
	n := min(max(r.Dx()/(2*leastStrip), 1), strips)
	var found []Move
	guess := 0 // strips of one window move alike
	for i := range n {
		s := image.Rect(r.Min.X+r.Dx()*i/n, r.Min.Y, r.Min.X+r.Dx()*(i+1)/n, r.Max.Y)
		m, ok := e.scrolled(s, r, pixels, guess)
		if !ok {
			continue
		}
		guess = m.To.Y - m.From.Min.Y
		if k := len(found) - 1; k >= 0 && found[k].From.Max.X == m.From.Min.X && found[k].To.Y-found[k].From.Min.Y == m.To.Y-m.From.Min.Y {
			from := found[k].From.Union(m.From)
			found[k] = Move{From: from, To: image.Pt(from.Min.X, from.Min.Y+m.To.Y-m.From.Min.Y)}
			continue
		}
		found = append(found, m)
	}
	for _, m := range found {
		// A union may reach over the edge at the other strip's offset.
		if len(e.frame.Copies) < mostMoves && m.Target().In(image.Rectangle{Max: e.size}) {
			e.frame.Copies = append(e.frame.Copies, m)
			move(e.seen, e.stride, m)
		}
	}
}

// scrolled finds how most of a strip's changed rows have moved, where they
// have. A guess is tried first; 0 is none.
func (e *Encoder) scrolled(s, r image.Rectangle, pixels []byte, guess int) (m Move, ok bool) {
	x := &e.rows
	x.now, x.seen = x.now[:0], x.seen[:0]
	changed := 0
	for y := s.Min.Y; y < s.Max.Y; y++ {
		own := 4 * ((y-r.Min.Y)*r.Dx() + s.Min.X - r.Min.X)
		at := y*e.stride + 4*s.Min.X
		a, b := e.seen[at:at+4*s.Dx()], pixels[own:own+4*s.Dx()]
		before := maphash.Bytes(x.seed, a)
		now := before
		if !bytes.Equal(a, b) {
			now = maphash.Bytes(x.seed, b)
			changed++
		}
		x.seen, x.now = append(x.seen, before), append(x.now, now)
	}
	if changed < leastRows/2 {
		return m, false
	}
	best := guess
	if best == 0 || 2*x.agree(best) < changed {
		if best = x.vote(); best == 0 {
			return m, false
		}
	}
	first, last := -1, 0
	for i, h := range x.now {
		if from := i - best; from >= 0 && from < len(x.seen) && h == x.seen[from] && h != x.seen[i] {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	// Rows that are alike, as empty ones are, go along.
	for first > 0 && first-1-best >= 0 && first-1-best < len(x.seen) && x.now[first-1] == x.seen[first-1-best] {
		first--
	}
	for last+1 < len(x.now) && last+1-best >= 0 && last+1-best < len(x.seen) && x.now[last+1] == x.seen[last+1-best] {
		last++
	}
	from := image.Rect(s.Min.X, s.Min.Y+first-best, s.Max.X, s.Min.Y+last+1-best)
	return Move{From: from, To: image.Pt(s.Min.X, s.Min.Y+first)}, true
}

// agree counts the changed rows that have moved by d.
func (x *rowIndex) agree(d int) (n int) {
	for i, h := range x.now {
		if from := i - d; from >= 0 && from < len(x.seen) && h == x.seen[from] && h != x.seen[i] {
			n++
		}
	}
	return n
}

// vote finds by how much a good part of the rows that there is one of only
// have moved; 0 is not at all.
func (x *rowIndex) vote() int {
	clear(x.at)
	clear(x.count)
	clear(x.votes)
	for i, h := range x.seen {
		if _, twice := x.at[h]; twice {
			x.at[h] = -1
		} else {
			x.at[h] = int32(i) //nolint:gosec // a row of a picture
		}
	}
	for _, h := range x.now {
		_, x.count[h] = x.count[h]
	}
	voters, best := 0, 0
	for i, h := range x.now {
		if h == x.seen[i] || x.count[h] {
			continue
		}
		voters++
		if from, was := x.at[h]; was && from >= 0 {
			d := i - int(from)
			x.votes[d]++
			if v := x.votes[d]; v > x.votes[best] || v == x.votes[best] && d < best {
				best = d
			}
		}
	}
	if v := x.votes[best]; best == 0 || v < 4 || 4*v < voters {
		return 0
	}
	return best
}

// move copies inside a picture; source and destination may overlap.
func move(pixels []byte, stride int, m Move) {
	row, rows := 4*m.From.Dx(), m.From.Dy()
	from := m.From.Min.Y*stride + 4*m.From.Min.X
	to := m.To.Y*stride + 4*m.To.X
	step := stride
	if to > from { // from below, so that no row is overwritten before it is read
		from, to, step = from+(rows-1)*stride, to+(rows-1)*stride, -stride
	}
	for range rows {
		copy(pixels[to:to+row], pixels[from:from+row])
		from, to = from+step, to+step
	}
}
