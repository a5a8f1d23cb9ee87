// Package sessiontest is what every session kind is tested with: an in-memory
// stream, a real pair of broker and technician over loopback UDP, and Run, the
// conformance suite.
//
//	func TestKind(t *testing.T) { sessiontest.Run(t, sessiontest.Factory{...}) }
//
// Run plays one whole session, then everything a bad day brings: a request
// that makes no sense, garbage from the technician, a technician who leaves,
// vanishes or never reads, a device that stops. It holds a kind to the contract
// of session.Kind: bounded messages, a prompt return, nothing left running.
//
// It does not judge what a kind does; that is for the kind's own tests.
package sessiontest
