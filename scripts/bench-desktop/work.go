//go:build linux

package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jezek/xgb/xproto"
)

// work is something that happens on the screen, a step at a time.
type work struct {
	name  string
	every time.Duration
	step  func()
	shown func() // after the number that belongs to the step; may be nil
	end   func()
}

// play does the steps in their time, and each after every one, until stop, which
// gives how many there were.
func (w *work) play(each func()) (stop func() int) {
	ending, steps := make(chan struct{}), make(chan int)
	go func() {
		next := time.Now()
		for n := 1; ; n++ {
			w.step()
			each()
			if w.shown != nil {
				w.shown()
			}
			next = next.Add(w.every)
			select {
			case <-ending:
				steps <- n
				return
			case <-time.After(time.Until(next)):
			}
		}
	}()
	return func() int {
		close(ending)
		return <-steps
	}
}

// terminalWork is an xterm in which text comes: lines of it, or characters.
func terminalWork(ctx context.Context, display, dir, name string, every time.Duration, text func() string) (*work, error) {
	fifo := filepath.Join(dir, name+".fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil && !os.IsExist(err) {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "xterm", "-display", display, "-geometry", "198x58+20+60", "-bg", "white", "-fg", "black", "-e", "cat", fifo)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	rest(ctx, time.Second) // its window comes
	return &work{
		name: name, every: every,
		step: func() { _, _ = f.WriteString(text()) },
		end: func() {
			_ = f.Close()
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		},
	}, nil
}

func randomLine() string {
	b := make([]byte, 141)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b) + "\n"
}

func randomKey() string {
	const keys = "etaoin shrdlu cmfwyp vbgkqjxz "
	if rand.IntN(60) == 0 {
		return "\n"
	}
	return string(keys[rand.IntN(len(keys))])
}

// dragWork moves a window of text about.
func dragWork(p *painter) (*work, error) {
	const wide, high = 600, 400
	id, err := p.x.NewId()
	if err != nil {
		return nil, err
	}
	back, err := p.x.NewId()
	if err != nil {
		return nil, err
	}
	window, pixmap := xproto.Window(id), xproto.Pixmap(back)
	screen := xproto.Setup(p.x).DefaultScreen(p.x)
	if err := xproto.CreatePixmapChecked(p.x, screen.RootDepth, pixmap, xproto.Drawable(p.root), wide, high).Check(); err != nil {
		return nil, err
	}
	full := []xproto.Rectangle{{Width: wide, Height: high}}
	xproto.PolyFillRectangle(p.x, xproto.Drawable(pixmap), p.white, full)
	var marks []xproto.Rectangle // looks like text to a codec
	for y := 10; y < high-10; y += 14 {
		for x := 10; x < wide-10; x += 7 {
			for range 4 {
				marks = append(marks, xproto.Rectangle{X: int16(x + rand.IntN(5)), Y: int16(y + rand.IntN(9)), Width: 1, Height: uint16(1 + rand.IntN(3))}) //nolint:gosec // small
			}
		}
	}
	for len(marks) > 0 {
		n := min(len(marks), 4000)
		xproto.PolyFillRectangle(p.x, xproto.Drawable(pixmap), p.black, marks[:n])
		marks = marks[n:]
	}
	err = xproto.CreateWindowChecked(p.x, screen.RootDepth, window, p.root, 100, 100, wide, high, 0, xproto.WindowClassInputOutput, screen.RootVisual,
		xproto.CwBackPixmap|xproto.CwOverrideRedirect, []uint32{back, 1}).Check()
	if err != nil {
		return nil, err
	}
	xproto.MapWindow(p.x, window)
	x, y, dx, dy := 100, 100, 11, 7
	return &work{
		name: "window drag", every: 33 * time.Millisecond,
		step: func() {
			if x += dx; x < 0 || x > 1920-wide {
				dx = -dx
			}
			if y += dy; y < 40 || y > 1080-high {
				dy = -dy
			}
			xproto.ConfigureWindow(p.x, window, xproto.ConfigWindowX|xproto.ConfigWindowY, []uint32{uint32(max(x, 0)), uint32(max(y, 40))}) //nolint:gosec // on the screen
		},
		end: func() {
			xproto.DestroyWindow(p.x, window)
			xproto.FreePixmap(p.x, pixmap)
		},
	}, nil
}

// pictures is how many of a film lie ready in the server; they are shown forth
// and back. What paints takes the same cores as what is measured.
const pictures = 24

// pictureWork shows a picture that moves, as a camera's does: soft, with grain.
func pictureWork(p *painter, wide, high int) (*work, error) {
	id, err := p.x.NewId()
	if err != nil {
		return nil, err
	}
	window := xproto.Window(id)
	screen := xproto.Setup(p.x).DefaultScreen(p.x)
	err = xproto.CreateWindowChecked(p.x, screen.RootDepth, window, p.root, 0, 0, uint16(wide), uint16(high), 0, //nolint:gosec // on the screen
		xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwOverrideRedirect, []uint32{1}).Check()
	if err != nil {
		return nil, err
	}
	xproto.MapWindow(p.x, window)
	film, err := developed(p, xproto.Drawable(window), wide, high)
	if err != nil {
		return nil, err
	}
	var step int
	// The film lies below the number, and both come at once for who looks on.
	return &work{
		name: fmt.Sprintf("moving picture %dx%d", wide, high), every: time.Second / 30,
		step: func() {
			step++
			at := step % (2*pictures - 2)
			if at >= pictures {
				at = 2*pictures - 2 - at
			}
			xproto.GrabServer(p.x)
			xproto.CopyArea(p.x, xproto.Drawable(film[at]), xproto.Drawable(window), p.draw, 0, 0, 0, 0, uint16(wide), uint16(high)) //nolint:gosec // on the screen
		},
		shown: func() { xproto.UngrabServer(p.x) },
		end: func() {
			xproto.DestroyWindow(p.x, window)
			for _, f := range film {
				xproto.FreePixmap(p.x, f)
			}
		},
	}, nil
}

// developed are a film's pictures in the server.
func developed(p *painter, like xproto.Drawable, wide, high int) (film []xproto.Pixmap, err error) {
	grain := make([]byte, 1<<16)
	for i := range grain {
		grain[i] = byte(rand.IntN(5))
	}
	depth := xproto.Setup(p.x).DefaultScreen(p.x).RootDepth
	row := make([]byte, wide*4)
	rows := max(1, 200_000/len(row))
	for step := range pictures {
		id, err := p.x.NewId()
		if err != nil {
			return nil, err
		}
		film = append(film, xproto.Pixmap(id))
		xproto.CreatePixmap(p.x, depth, film[step], like, uint16(wide), uint16(high)) //nolint:gosec // on the screen
		for y := 0; y < high; y += rows {
			n := min(rows, high-y)
			part := make([]byte, 0, n*len(row))
			for k := range n {
				g := rand.IntN(len(grain) - wide)
				for x := range wide {
					row[4*x] = byte((x+3*step)/4+(y+k)/6) + grain[g+x]
					row[4*x+1] = byte((y+k+2*step)/3) + grain[g+x]
					row[4*x+2] = byte((x-step)/5) + grain[g+x]
				}
				part = append(part, row...)
			}
			err := xproto.PutImageChecked(p.x, xproto.ImageFormatZPixmap, xproto.Drawable(film[step]), p.draw, uint16(wide), uint16(n), 0, int16(y), 0, depth, part).Check() //nolint:gosec // on the screen
			if err != nil {
				return nil, err
			}
		}
	}
	return film, nil
}
