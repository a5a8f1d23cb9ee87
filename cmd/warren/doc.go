// Package main is the warren command: words in, words out.
//
// One verb is one file. A verb reads its flags, asks the node of this machine
// through node/client (or works on the state folder where no node is needed),
// prints data to stdout and everything else to stderr, and leaves the exit
// code to fault. It knows no room and decides nothing.
package main
