package video

import (
	"image"
	"math/bits"
)

// mark finds the squares that were painted in so many slots.
func (c *Chooser) mark(need int) {
	for i, p := range c.painted {
		c.moving[i] = bits.OnesCount16(p) >= need
	}
}

// all is what holds all marked squares.
func (c *Chooser) all() (out image.Rectangle) {
	for i, m := range c.moving {
		if m {
			out = out.Union(c.square(i%c.columns, i/c.columns))
		}
	}
	return out
}

// core is the largest thing that moves, with what is as large or lies at it. A
// clock that ticks in a corner costs little as it is, and a region that holds
// both would be the whole screen. It takes the marks away.
func (c *Chooser) core() (out image.Rectangle) {
	c.things = c.things[:0]
	largest := 0
	for i, m := range c.moving {
		if !m {
			continue
		}
		c.things = append(c.things, c.thing(i))
		if area(c.things[len(c.things)-1]) > area(c.things[largest]) {
			largest = len(c.things) - 1
		}
	}
	if len(c.things) == 0 {
		return out
	}
	out = c.things[largest]
	for again := true; again; {
		again = false
		for _, t := range c.things {
			with := out.Union(t)
			if with == out {
				continue
			}
			if area(t)*2 >= area(out) || area(with)*2 <= (area(out)+area(t))*3 {
				out, again = with, true
			}
		}
	}
	return out
}

// thing is what holds the marked squares that hang together with square i,
// whose marks it takes away.
func (c *Chooser) thing(i int) (out image.Rectangle) {
	c.moving[i] = false
	for todo := append(c.todo[:0], i); len(todo) > 0; {
		i, todo = todo[len(todo)-1], todo[:len(todo)-1]
		x, y := i%c.columns, i/c.columns
		out = out.Union(c.square(x, y))
		for ny := max(y-1, 0); ny <= y+1 && ny*c.columns < len(c.moving); ny++ {
			for nx := max(x-1, 0); nx <= min(x+1, c.columns-1); nx++ {
				if n := ny*c.columns + nx; c.moving[n] {
					c.moving[n] = false
					todo = append(todo, n)
				}
			}
		}
		c.todo = todo
	}
	return out
}

func area(r image.Rectangle) int { return r.Dx() * r.Dy() }
