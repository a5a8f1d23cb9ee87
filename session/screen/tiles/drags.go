package tiles

import (
	"encoding/binary"
	"image"
)

const (
	// Windows that are dragged are looked for by a grid of anchors: runs of
	// pixels of the new picture, which are searched for in the old one no farther
	// away than reach. A run is as long as to be the only one of its kind in
	// text with much white in it: of 16 pixels there are dozens alike.
	anchorSide = 64 // pixels, no more than leastStrip
	anchorGrid = 12
	reach      = 64
	// A search costs about 2 ns a pixel. Where it finds nothing several times in
	// a row, as with a moving picture, it is made now and then only.
	mostSearched = 1 << 20
	mostMisses   = 4
	restFor      = 16
	leastHits    = 8
	prime        = 0x9e3779b97f4a7c15
)

// anchor is a run of pixels of the new picture.
type anchor struct {
	hash uint64
	at   image.Point
	hits int
}

// dragIndex is what dragged windows are looked for with.
type dragIndex struct {
	anchors []anchor
	slots   [1 << 10]uint8 // by the hash's low bits: 0, or an anchor's place and 1
	votes   map[image.Point]int
	misses  int
}

// findDrag looks for a part of the picture that has moved in any direction
// inside r or into it, and moves it: in the frame and in the picture as the
// viewer has it. A wrong guess costs bytes only.
func (e *Encoder) findDrag(r image.Rectangle, pixels []byte) {
	d := &e.drags
	if r.Dx() < leastStrip || r.Dy() < leastRows || r.Dx()*r.Dy() > mostSearched {
		return
	}
	if d.misses++; d.misses > mostMisses && d.misses%restFor != 0 {
		return
	}
	if !e.anchors(r, pixels) {
		return
	}
	by, ok := e.search(r.Inset(-reach).Intersect(image.Rectangle{Max: e.size}))
	if !ok {
		return
	}
	box := image.Rectangle{}
	for _, a := range d.anchors {
		at := image.Rect(a.at.X, a.at.Y, a.at.X+anchorSide, a.at.Y+1)
		if at.Sub(by).In(image.Rectangle{Max: e.size}) && e.alike(at, r, pixels, by) {
			box = box.Union(at)
		}
	}
	if box.Empty() {
		return
	}
	box = e.grow(box, r, pixels, by)
	d.misses = 0
	m := Move{From: box.Sub(by), To: box.Min}
	e.frame.Copies = append(e.frame.Copies, m)
	move(e.seen, e.stride, m)
}

// anchors chooses what to look for: runs that have changed, are not of one
// colour, and that there is one of.
func (e *Encoder) anchors(r image.Rectangle, pixels []byte) bool {
	d := &e.drags
	d.anchors = d.anchors[:0]
	clear(d.slots[:])
	for i := range anchorGrid * anchorGrid {
		at := image.Pt(r.Min.X+(r.Dx()-anchorSide)*(i%anchorGrid)/(anchorGrid-1), r.Min.Y+(r.Dy()-1)*(i/anchorGrid)/(anchorGrid-1))
		own := 4 * ((at.Y-r.Min.Y)*r.Dx() + at.X - r.Min.X)
		run := pixels[own : own+4*anchorSide]
		first, plain := binary.LittleEndian.Uint32(run), true
		var h uint64
		for x := range anchorSide {
			p := binary.LittleEndian.Uint32(run[4*x:])
			plain = plain && p == first
			h = h*prime + uint64(p)
		}
		slot := &d.slots[(h>>40)%uint64(len(d.slots))]
		if plain || *slot != 0 || e.alike(image.Rect(at.X, at.Y, at.X+anchorSide, at.Y+1), r, pixels, image.Point{}) {
			continue
		}
		d.anchors = append(d.anchors, anchor{hash: h, at: at})
		*slot = uint8(len(d.anchors)) //nolint:gosec // at most the grid's 144
	}
	return len(d.anchors) >= leastHits
}

// search goes through the old picture once, with a hash that rolls along each
// row, and gives the offset that most anchors have been found at.
func (e *Encoder) search(in image.Rectangle) (by image.Point, ok bool) {
	d := &e.drags
	clear(d.votes)
	out := uint64(1) // what the first pixel of a run has become by its end
	for range anchorSide {
		out *= prime
	}
	best := 0
	for y := in.Min.Y; y < in.Max.Y; y++ {
		row := e.seen[y*e.stride+4*in.Min.X : y*e.stride+4*in.Max.X]
		var h uint64
		for x := range in.Dx() {
			h = h*prime + uint64(binary.LittleEndian.Uint32(row[4*x:]))
			if x >= anchorSide {
				h -= out * uint64(binary.LittleEndian.Uint32(row[4*(x-anchorSide):]))
			}
			slot := d.slots[(h>>40)%uint64(len(d.slots))]
			if slot == 0 || x < anchorSide-1 || d.anchors[slot-1].hash != h {
				continue
			}
			a := &d.anchors[slot-1]
			if a.hits++; a.hits > leastHits { // found everywhere: it tells nothing
				continue
			}
			v := a.at.Sub(image.Pt(in.Min.X+x-anchorSide+1, y))
			d.votes[v]++
			if d.votes[v] > best && v != (image.Point{}) {
				best, by = d.votes[v], v
			}
		}
	}
	return by, best >= leastHits && 3*best > len(d.anchors)
}

// alike tells that a part of r was at another place in the old picture.
func (e *Encoder) alike(part, r image.Rectangle, pixels []byte, by image.Point) bool {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		own := 4 * ((y-r.Min.Y)*r.Dx() + part.Min.X - r.Min.X)
		was := (y-by.Y)*e.stride + 4*(part.Min.X-by.X)
		if string(pixels[own:own+4*part.Dx()]) != string(e.seen[was:was+4*part.Dx()]) {
			return false
		}
	}
	return true
}

// mostlyAlike tells that of at least three pixels in four.
func (e *Encoder) mostlyAlike(part, r image.Rectangle, pixels []byte, by image.Point) bool {
	other := part.Dx() * part.Dy() / 4
	for y := part.Min.Y; y < part.Max.Y; y++ {
		own := 4 * ((y-r.Min.Y)*r.Dx() + part.Min.X - r.Min.X)
		was := (y-by.Y)*e.stride + 4*(part.Min.X-by.X)
		for x := range part.Dx() {
			if !same(e.seen[was:], pixels[own:], x) {
				if other--; other < 0 {
					return false
				}
			}
		}
	}
	return true
}

// grow makes a box larger for as long as most of what it takes in has moved as
// well.
func (e *Encoder) grow(box, r image.Rectangle, pixels []byte, by image.Point) image.Rectangle {
	within := r.Intersect(image.Rectangle{Max: e.size}.Add(by))
	for _, side := range []func(b image.Rectangle) (edge, larger image.Rectangle){
		func(b image.Rectangle) (image.Rectangle, image.Rectangle) {
			return image.Rect(b.Min.X, b.Min.Y-1, b.Max.X, b.Min.Y), image.Rect(b.Min.X, b.Min.Y-1, b.Max.X, b.Max.Y)
		},
		func(b image.Rectangle) (image.Rectangle, image.Rectangle) {
			return image.Rect(b.Min.X, b.Max.Y, b.Max.X, b.Max.Y+1), image.Rect(b.Min.X, b.Min.Y, b.Max.X, b.Max.Y+1)
		},
		func(b image.Rectangle) (image.Rectangle, image.Rectangle) {
			return image.Rect(b.Min.X-1, b.Min.Y, b.Min.X, b.Max.Y), image.Rect(b.Min.X-1, b.Min.Y, b.Max.X, b.Max.Y)
		},
		func(b image.Rectangle) (image.Rectangle, image.Rectangle) {
			return image.Rect(b.Max.X, b.Min.Y, b.Max.X+1, b.Max.Y), image.Rect(b.Min.X, b.Min.Y, b.Max.X+1, b.Max.Y)
		},
	} {
		for {
			edge, larger := side(box)
			if !edge.In(within) || !e.mostlyAlike(edge, r, pixels, by) {
				break
			}
			box = larger
		}
	}
	return box
}
