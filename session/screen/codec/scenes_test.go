package codec

import (
	"image"
	"math"
	"math/rand/v2"
)

// scene draws frame i onto p, after frame i-1, and tells where.
type scene struct {
	name string
	draw func(p picture, i int) []image.Rectangle
}

func scenes(w, h int) []scene {
	text := letters()
	window := image.Rect(w/8, h/8, w*6/8, h*7/8)
	rows, columns := window.Dy()/cellHeight, window.Dx()/cellWidth
	var dragged image.Rectangle
	return []scene{
		{"scroll", func(p picture, i int) []image.Rectangle {
			for row := range rows {
				line := rand.New(rand.NewPCG(uint64(row+i), 7))
				for column := range columns {
					text[line.IntN(len(text))].draw(p, window.Min.X+column*cellWidth, window.Min.Y+row*cellHeight)
				}
			}
			return []image.Rectangle{window}
		}},
		{"type", func(p picture, i int) []image.Rectangle {
			at := image.Pt(window.Min.X+i%columns*cellWidth, window.Min.Y+i/columns%rows*cellHeight)
			text[(i*37)%len(text)].draw(p, at.X, at.Y)
			return []image.Rectangle{{at, at.Add(image.Pt(cellWidth, cellHeight))}}
		}},
		{"drag", func(p picture, i int) []image.Rectangle {
			now := image.Rect(0, 0, w/3, h/3).Add(image.Pt(w/10+i*6%(w/2), h/10+i*3%(h/2)))
			was := dragged
			desktop(p, was)
			for y := now.Min.Y; y+cellHeight <= now.Max.Y; y += cellHeight {
				line := rand.New(rand.NewPCG(uint64(y-now.Min.Y), 8))
				for x := now.Min.X; x+cellWidth <= now.Max.X; x += cellWidth {
					text[line.IntN(len(text))].draw(p, x, y)
				}
			}
			dragged = now
			return []image.Rectangle{now.Union(was)}
		}},
		{"picture", func(p picture, i int) []image.Rectangle {
			r := image.Rect(w/3, h/3, w*2/3, h*2/3)
			film(p, r, i)
			return []image.Rectangle{r}
		}},
		{"full-motion", func(p picture, i int) []image.Rectangle {
			r := image.Rect(0, 0, w, h)
			film(p, r, i)
			return []image.Rectangle{r}
		}},
	}
}

const cellWidth, cellHeight = 8, 16

type letter [cellWidth * cellHeight]byte

// letters are shapes of a few strokes with soft edges.
func letters() []letter {
	r := rand.New(rand.NewPCG(5, 5))
	out := make([]letter, 60)
	for i := range out {
		for range 2 + r.IntN(3) {
			x, y := 1+r.Float64()*5, 3+r.Float64()*10
			dx, dy := []float64{0, 1, 1, -1}[r.IntN(4)], []float64{1, 0, 1, 1}[r.IntN(4)]
			for range 3 + r.IntN(7) {
				x, y = min(max(x+dx*.7, 1), 6), min(max(y+dy*.9, 2), 13)
				fx, fy := int(x), int(y)
				out[i][fy*cellWidth+fx] = 255
				out[i][fy*cellWidth+fx+1] = max(out[i][fy*cellWidth+fx+1], byte((x-float64(fx))*255))
			}
		}
	}
	return out
}

// draw paints dark ink on light paper.
func (l *letter) draw(p picture, x, y int) {
	for i, ink := range l {
		at := (y+i/cellWidth)*p.Stride + (x+i%cellWidth)*4
		p.Pix[at], p.Pix[at+1], p.Pix[at+2] = 250-byte(int(ink)*200/255), 250-byte(int(ink)*220/255), 250-byte(int(ink)*230/255)
	}
}

// desktop paints r as a desktop without windows.
func desktop(p picture, r image.Rectangle) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			at := y*p.Stride + x*4
			p.Pix[at], p.Pix[at+1], p.Pix[at+2] = byte(90+y*60/p.Height), byte(60+x*40/p.Width), 40
		}
	}
}

func blank(w, h int) picture {
	p := picture{Pix: make([]byte, w*h*4), Stride: w * 4, Width: w, Height: h}
	desktop(p, image.Rect(0, 0, w, h))
	return p
}

// film is picture i of soft shapes that drift, with grain.
func film(p picture, r image.Rectangle, i int) {
	var wave [1024]byte
	for k := range wave {
		wave[k] = byte(124 + 100*math.Sin(float64(k)*2*math.Pi/1024))
	}
	grain := uint32(i)*2654435761 + 1
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := p.Pix[y*p.Stride:]
		for x := r.Min.X; x < r.Max.X; x++ {
			grain = grain*1664525 + 1013904223
			g := byte(grain >> 29)
			row[x*4] = wave[(x*3+y+i*7)&1023] + g
			row[x*4+1] = wave[(x+y*2-i*11)&1023] + g
			row[x*4+2] = wave[(x*y/256+i*5)&1023] + g
		}
	}
}

func moving(w, h, i int) picture {
	p := blank(w, h)
	film(p, image.Rect(0, 0, w, h), i)
	return p
}
