package main

import (
	"io"

	"rsc.io/qr"

	"warren/node/fault"
)

// printQR draws text with half blocks: dark modules on a light quiet zone,
// whatever the terminal's colours.
func printQR(w io.Writer, text string) error {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return fault.New(fault.Invalid, "the link does not fit a QR code: %w", err)
	}
	const quiet = 2
	dark := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < code.Size && y < code.Size && code.Black(x, y)
	}
	for y := -quiet; y < code.Size+quiet; y += 2 {
		line := "\x1b[30;47m"
		for x := -quiet; x < code.Size+quiet; x++ {
			switch {
			case dark(x, y) && dark(x, y+1):
				line += "█"
			case dark(x, y):
				line += "▀"
			case dark(x, y+1):
				line += "▄"
			default:
				line += " "
			}
		}
		if _, err := io.WriteString(w, line+"\x1b[0m\n"); err != nil {
			return err
		}
	}
	return nil
}
