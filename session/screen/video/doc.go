// Package video decides which part of a picture travels as video, and when it
// goes back to being sent as it is.
//
//	what was painted --> per square: how often of late --> what moves
//	bytes of tiles   --> what it costs                 --> Choice: region,
//	what the link carries, what is left behind             codec, rate, why
//
// Tiles without loss are quicker and exact, so they are the rule. Video is for
// a part of the picture that moves all the time where tiles cost too much: more
// than most of what the link carries, or more than anybody should have to pay.
// Scrolling text moves too, but costs little, and so stays without loss. When
// the part has rested for a moment it goes back, and is built up without loss.
//
// A Chooser is pure: it reads no clock and asks nobody. It is for one picture of
// one viewer and for one goroutine. What it needs for a picture is a few bytes
// for each 64 x 64 pixels.
package video
