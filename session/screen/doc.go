// Package screen is the session kinds "view" and "control": a display of the
// device, looked at and, for control, worked on.
//
// The device grabs what was painted, packs what really changed (package
// tiles) and sends it; the viewer paints and acknowledges. Nothing is grabbed
// before it may be sent, so what travels is never older than the way, and no
// queue of old pictures exists.
//
//	device                                               technician
//	Source --damage, pixels--> viewer --events, frames--> page
//	                            pacer <------ack---------
//	Seat  <-------------------- input <-----ScreenInput--
//
// A message of the stream is one byte that tells its kind, and its body. A
// frame of pixels (see package tiles) travels in parts, as it is longer than a
// message.
//
// How a system shows its displays and takes input is behind three interfaces,
// Desk, Display and Seat; package x11 is one of their kind.
//
// Promises: a viewer's picture equals the display's pixel by pixel as soon as
// the display rests; what waits on the way stays within a tenth of a second on
// a link that is full; a viewer that reads or acknowledges nothing costs a
// bounded amount of memory and nobody else's time; when a session ends, its
// keys and buttons are let go.
//
// A part of the picture that moves all the time, and costs more than it should,
// travels as video (packages video and codec) until it rests; then it is built
// up without loss. Where the codecs are missing or fail, all stays lossless.
//
// It does not record; all frames and events of a session pass viewer.send,
// which is where a recorder goes.
package screen
