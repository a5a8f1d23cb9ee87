// Package screentest is a display in memory, for tests of what shows displays.
//
// A Desk has one display. A test paints on it, resizes it and ends it, and
// reads what a seat was given:
//
//	desk := screentest.New(image.Pt(640, 480))
//	kinds := screen.Kinds(screen.Config{Desk: desk})
//	desk.Paint(image.Rect(0, 0, 10, 10), func(x, y int) uint32 { return 0xff0000 })
//
// A Client is the technician's half: it paints what comes, and sends input.
//
// The Desk checks what it is asked for, so that a session that grabs outside of the
// display fails its test.
package screentest
