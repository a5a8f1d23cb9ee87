// Package tilestest paints the frames that package tiles makes, as a viewer's
// page does, for tests of what makes them.
//
// It reads frames as foreign bytes: sizes, areas and the work that copies make
// are bounded before anything is allocated.
package tilestest
