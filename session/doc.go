// Package session is people's live work on a device: the contract between the
// broker that lets a technician in and the kinds that do the work.
//
// A technician's node signs an offer, the device's broker authorises it from
// its own Plan and signs an answer, and a WebRTC channel opens straight
// between the two. What happens on it is the affair of one Kind a verb: the
// broker hands it a Stream and the Request that both sides signed, and the
// session lasts until Serve returns.
//
//	technician's node                          device
//	broker.Dial  -- hello, offer, answer -->   broker.Broker -- Plan.Authorise
//	     |                                          |
//	   Stream  <======== DTLS channel ========>   Stream --> Kind.Serve
//
// Promises: a Stream keeps messages whole and in order; Send blocks while the
// other side is slow, so nothing piles up; the end of a session is told apart
// from the loss of its connection. A Plan is a value and Authorise is pure.
//
// It does not carry packets, sign anything or know WebRTC: that is
// session/broker, the only package beside the kinds' streams that imports
// pion.
package session
