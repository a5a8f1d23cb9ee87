// Package web is the room for the console: its pages, and the code that embeds
// them into the binary.
//
// Nothing is built here yet. The console is served by the technician's own
// node on loopback, never by a controller, so that no other machine supplies
// the script that asks for a signature. Its terminal and desktop pages speak a
// WebSocket to that node, which is the WebRTC peer.
package web
