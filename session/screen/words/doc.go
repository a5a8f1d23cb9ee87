// Package words is what a technician is told of a desktop: each sentence has a
// code, by which a page says it in its own language.
//
//	words.NoMonitor.Say("3") --> Sentence{Code, Args} --Said--> page: said[code](...args)
//	                                 └── String(), in English, for who does not know the code
//
// The pages have every code in each of their languages, and a test of theirs
// reads the list here. A code keeps its meaning: sentences come, and none is
// given to another.
//
// Args are names, numbers without a unit (Mbit/s, MiB, pixels), or what a
// program of the device said in its own words. The package formats, and that is
// all: it reads nothing and asks nobody.
package words
