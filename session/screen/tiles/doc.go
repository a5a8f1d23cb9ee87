// Package tiles turns what changed of a picture into the bytes of a frame,
// without loss.
//
//	grabbed pixels --> Encoder: moved rows  --> copies  --\
//	                   (previous  changed    --> tiles   ----> frame --> page
//	                    picture)  their pixels --> zstd --/
//
// A frame, all numbers little-endian:
//
//	number 4 · time 4 (ms) · codec 1 · flags 1 · copies 2 · tiles 2 · raw 4
//	copies x (source x, y, width, height, destination x, y; 2 each)
//	tiles x (x, y, width, height; 2 each)
//	one zstd frame: the tiles' pixels, row by row, R G B 255
//
// Copies are done first, in order, and may overlap themselves. The encoder
// keeps the picture as the viewer has it, so a change that was left out for
// want of room is found again by comparing.
//
// An Encoder is not safe for concurrent use, does no I/O and knows no clock.
// What paints frames is the page's; package tilestest has one for tests.
package tiles
