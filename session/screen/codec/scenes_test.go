package codec

import "math"

// moving is picture i of something like a film: soft shapes that drift, with grain.
func moving(w, h, i int) Picture {
	p := Picture{Pix: make([]byte, w*h*4), Stride: w * 4, Width: w, Height: h}
	drawMoving(p, 0, 0, w, h, i)
	return p
}

func drawMoving(p Picture, x0, y0, w, h, i int) {
	var wave [1024]byte
	for k := range wave {
		wave[k] = byte(128 + 100*math.Sin(float64(k)*2*math.Pi/1024))
	}
	grain := uint32(i)*2654435761 + 1
	for y := range h {
		row := p.Pix[(y0+y)*p.Stride+x0*4:]
		for x := range w {
			grain = grain*1664525 + 1013904223
			g := byte(grain >> 29)
			row[x*4] = wave[(x*3+y+i*7)&1023] + g
			row[x*4+1] = wave[(x+y*2-i*11)&1023] + g
			row[x*4+2] = wave[(x*y/256+i*5)&1023] + g
		}
	}
}
