package screen

import (
	"image"
	"slices"
)

// cell is the side of the squares in which damage is counted.
const cell = 64

// dirt is what of a picture may be other than the viewer has it. It takes any
// amount of damage in the same room: for each square the smallest rectangle
// that holds all of it.
type dirt struct {
	size    image.Point
	columns int
	cells   []image.Rectangle
	some    bool
}

func newDirt(size image.Point) *dirt {
	columns, rows := (size.X+cell-1)/cell, (size.Y+cell-1)/cell
	return &dirt{size: size, columns: columns, cells: make([]image.Rectangle, columns*rows)}
}

// add notes damage, in pixels of the picture.
func (d *dirt) add(r image.Rectangle) {
	r = r.Intersect(image.Rectangle{Max: d.size})
	if r.Empty() {
		return
	}
	d.some = true
	for row := r.Min.Y / cell; row*cell < r.Max.Y; row++ {
		for column := r.Min.X / cell; column*cell < r.Max.X; column++ {
			at := image.Rect(column*cell, row*cell, column*cell+cell, row*cell+cell)
			c := &d.cells[row*d.columns+column]
			*c = c.Union(r.Intersect(at))
		}
	}
}

// take gives all damage as rectangles that do not overlap, the largest first,
// none larger than MaxGrab, and forgets it.
func (d *dirt) take() (out []image.Rectangle) {
	if !d.some {
		return nil
	}
	d.some = false
	rows := len(d.cells) / d.columns
	for row := range rows {
		for first := 0; first < d.columns; first++ {
			if d.cells[row*d.columns+first].Empty() {
				continue
			}
			end := first
			for end < d.columns && !d.cells[row*d.columns+end].Empty() && (end-first)*cell*cell < MaxGrab {
				end++
			}
			below := row + 1
			for below < rows && (end-first)*(below-row+1)*cell*cell <= MaxGrab && d.full(below, first, end) {
				below++
			}
			out = append(out, d.clear(row, below, first, end))
			first = end - 1
		}
	}
	slices.SortStableFunc(out, func(a, b image.Rectangle) int { return b.Dx()*b.Dy() - a.Dx()*a.Dy() })
	return out
}

// full tells that all cells of a row's part are dirty.
func (d *dirt) full(row, first, end int) bool {
	return !slices.ContainsFunc(d.cells[row*d.columns+first:row*d.columns+end], image.Rectangle.Empty)
}

// clear empties cells and gives what holds their damage.
func (d *dirt) clear(row, below, first, end int) (all image.Rectangle) {
	for ; row < below; row++ {
		cells := d.cells[row*d.columns+first : row*d.columns+end]
		for _, c := range cells {
			all = all.Union(c)
		}
		clear(cells)
	}
	return all
}

// drop forgets the damage in squares that lie in r.
func (d *dirt) drop(r image.Rectangle) {
	for row := r.Min.Y / cell; row*cell < r.Max.Y; row++ {
		first, end := r.Min.X/cell, (r.Max.X+cell-1)/cell
		clear(d.cells[row*d.columns+first : row*d.columns+end])
	}
	d.some = slices.ContainsFunc(d.cells, func(c image.Rectangle) bool { return !c.Empty() })
}
