//go:build linux

package x11

import (
	"image"
	"image/color"
	"image/draw"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The colours of what is drawn.
func paper() color.RGBA  { return color.RGBA{0xff, 0xff, 0xff, 0xff} }
func ink() color.RGBA    { return color.RGBA{0x1b, 0x22, 0x2c, 0xff} }
func faint() color.RGBA  { return color.RGBA{0x5a, 0x65, 0x73, 0xff} }
func line() color.RGBA   { return color.RGBA{0x8a, 0x94, 0xa2, 0xff} }
func accent() color.RGBA { return color.RGBA{0x0b, 0x57, 0xd0, 0xff} }
func alarm() color.RGBA  { return color.RGBA{0xb3, 0x1d, 0x1d, 0xff} }
func pale() color.RGBA   { return color.RGBA{0xe9, 0xed, 0xf2, 0xff} }

// canvas is a picture that is drawn on in units of a display of about 96 dots
// an inch; scale makes it fit larger ones.
type canvas struct {
	*image.RGBA
	scale         int
	regular, bold *opentype.Font
}

func newCanvas(w, h, scale int) (*canvas, error) {
	regular, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	bold, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, err
	}
	return &canvas{RGBA: image.NewRGBA(image.Rect(0, 0, w*scale, h*scale)), scale: scale, regular: regular, bold: bold}, nil
}

func (c *canvas) units(r image.Rectangle) image.Rectangle {
	return image.Rectangle{r.Min.Mul(c.scale), r.Max.Mul(c.scale)}
}

func (c *canvas) fill(r image.Rectangle, with color.RGBA) {
	draw.Draw(c.RGBA, c.units(r), image.NewUniform(with), image.Point{}, draw.Src)
}

// frame draws a border inside of r.
func (c *canvas) frame(r image.Rectangle, width int, with color.RGBA) {
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+width), with)
	c.fill(image.Rect(r.Min.X, r.Max.Y-width, r.Max.X, r.Max.Y), with)
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Min.X+width, r.Max.Y), with)
	c.fill(image.Rect(r.Max.X-width, r.Min.Y, r.Max.X, r.Max.Y), with)
}

// style is how a text looks; size is in units.
type style struct {
	size  float64
	bold  bool
	color color.RGBA
}

func (c *canvas) face(s style) (font.Face, error) {
	f := c.regular
	if s.bold {
		f = c.bold
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: s.size * float64(c.scale), DPI: 72, Hinting: font.HintingFull})
}

// text writes one line with its baseline at y, and gives its width in units.
func (c *canvas) text(x, y int, s style, words string) (int, error) {
	face, err := c.face(s)
	if err != nil {
		return 0, err
	}
	defer face.Close()
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(s.color), Face: face, Dot: fixed.P(x*c.scale, y*c.scale)}
	d.DrawString(words)
	return (d.Dot.X.Ceil() - x*c.scale + c.scale - 1) / c.scale, nil
}

// width is how wide a text is, in units.
func (c *canvas) width(s style, words string) (int, error) {
	face, err := c.face(s)
	if err != nil {
		return 0, err
	}
	defer face.Close()
	return (font.MeasureString(face, words).Ceil() + c.scale - 1) / c.scale, nil
}

// wrap breaks a text into at most so many lines of a width; what is left over
// ends in dots.
func (c *canvas) wrap(s style, words string, width, most int) (lines []string, err error) {
	fits := func(l string) bool {
		w, failed := c.width(s, l)
		if failed != nil {
			err = failed
		}
		return w <= width
	}
	rest := strings.Fields(words)
	for len(rest) > 0 && len(lines) < most && err == nil {
		l, n := "", 0
		for n < len(rest) && fits(strings.TrimSpace(l+" "+rest[n])) {
			l = strings.TrimSpace(l + " " + rest[n])
			n++
		}
		if n == 0 { // a word that is wider than the line
			l = shorten(rest[0], fits)
			n = 1
		}
		rest = rest[n:]
		if len(rest) > 0 && len(lines) == most-1 {
			l = shorten(l+" ", fits)
		}
		lines = append(lines, l)
	}
	return lines, err
}

// shorten cuts a text until it fits with dots behind it.
func shorten(s string, fits func(string) bool) string {
	r := []rune(s)
	for len(r) > 0 && !fits(string(r)+"…") {
		r = r[:len(r)-1]
	}
	return strings.TrimSpace(string(r)) + "…"
}

// button draws one, with a frame where it has the focus.
func (c *canvas) button(r image.Rectangle, words string, with, on color.RGBA, focus bool) error {
	c.fill(r, with)
	c.frame(r, 1, line())
	if focus {
		c.frame(r.Inset(-4), 2, accent())
	}
	s := style{14, true, on}
	w, err := c.width(s, words)
	if err != nil {
		return err
	}
	_, err = c.text(r.Min.X+(r.Dx()-w)/2, r.Min.Y+r.Dy()/2+5, s, words)
	return err
}

// pixels are the picture as servers take it: blue, green, red, nothing.
func (c *canvas) pixels() []byte {
	out := make([]byte, len(c.Pix))
	for i := 0; i < len(out); i += 4 {
		out[i], out[i+1], out[i+2] = c.Pix[i+2], c.Pix[i+1], c.Pix[i]
	}
	return out
}
