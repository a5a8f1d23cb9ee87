// Package keys turns what a browser says of a key into what to press on an X
// server, given the keyboard that the server has. It is pure: it reads no
// clock and talks to nobody.
//
//	KeyboardEvent(code, key, modifiers) --> Board.Key --> []Stroke --> XTEST
//	what was pasted or composed         --> Board.Text -->    "
//	XkbGetMap's reply --> Decode --> Layout ----^
//
// What a person means is the text on their own keyboard, so that decides: the
// key at the same place where it gives that text here too; else another key
// that does, with Shift and AltGr as that one needs them; else a keycode that
// nothing else uses, to which the keysym is given for as long as the session
// lasts. Where Ctrl, Alt or Meta is held and no key has the text, the place
// decides: a shortcut is a place more than a letter. The browser makes dead
// keys into letters, so a dead key presses nothing and its letter comes as
// text.
//
// A key that had to be given other modifiers than those held is pressed and
// let go at once, for the server would repeat it without them. All others stay
// down until they come up, the page is blurred or Board.Release is called. A
// modifier that a later event says is up is let go with it, however the
// browser lost its end. Caps Lock follows the person's own; Num Lock is set as
// the keypad's text asks for.
//
// It does not know who else types: what is held on the machine's own keyboard
// stays as it is.
package keys
