// Package web is the room for the console: its pages, and the code that embeds
// them into the binary.
//
// The pages are a TypeScript app in web/app; make build turns it into web/dist,
// which is embedded as it is then. A binary built without them carries none.
// The console is served by the technician's own node on loopback, never by a
// controller, so that no other machine supplies the script that asks for a
// signature. Its terminal page speaks a WebSocket to that node, which is the
// WebRTC peer.
package web
