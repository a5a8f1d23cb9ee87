//go:build linux

// Command bench-desktop measures the desktop beside two VNC servers with noVNC
// and writes docs/benchmarks-desktop.md.
//
//	make bench-desktop
//
// All look at one Xvfb of 1920x1080 and are looked at by one headless Chromium,
// in turns within one run:
//
//	painter --> Xvfb --+--> warren's device --> technician's node --> page
//	(counter)          +--> x0vncserver ------> websockify ---------> noVNC
//	                   +--> x11vnc -----------> websockify ---------> noVNC
//
// The painter shows a number as a row of black and white blocks, and notes when.
// A script in the page reads the blocks back from the canvas at every frame of
// the browser, and notes when it first sees a number: the difference is the time
// from glass to glass, as far as there is glass. Keys are made in the page too,
// at any phase of its frames: what drives the browser takes the same cores, and
// its keys came with the frames. All clocks are this machine's.
package main
