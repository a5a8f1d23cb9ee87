package session

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"warren/mesh/identity"
)

// MaxMessage is the longest message a Stream carries, in bytes. It is what
// every WebRTC implementation accepts (RFC 8831, section 6.6).
const MaxMessage = 16 << 10

// ID names one session: 16 random bytes that the technician's node chose and
// signed.
type ID [16]byte

// NewID makes an ID from the system's random source.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails, see crypto/rand
	return id
}

// ParseID reads the 32 hexadecimal characters that String writes.
func ParseID(s string) (ID, error) {
	var id ID
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("session id %.40q: want %d hexadecimal characters", s, 2*len(id))
	}
	copy(id[:], b)
	return id, nil
}

// String gives 32 lower-case hexadecimal characters.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Request is what a technician asked for and the device granted; every field
// comes from the signed offer, but for Technician, which is the name that the
// device's own Plan gives the offer's key.
type Request struct {
	ID             ID
	Verb           string
	OSUser         string
	Technician     string
	TechnicianNode identity.NodeID
	Reason         string
	// Rights are what the device's own Plan says of how.
	Rights Rights
	// Note tells the device's audit log what happens in the session, in a short
	// sentence for people; it does not block. Nil is nobody.
	Note func(what string)
	// Payload is what the verb's kind reads: for a shell a ShellRequest.
	Payload []byte
}

// Stream is one ordered, reliable stream of messages. One goroutine may send
// while another receives; Close may be called from any, and more than once.
type Stream interface {
	// Send queues one message of 1 to MaxMessage bytes and blocks while too
	// much is queued already. The slice is the caller's again on return. After
	// the end it gives the error that Receive gives.
	Send(ctx context.Context, message []byte) error
	// Receive blocks for the next message; the slice is the caller's. At the
	// orderly end it gives io.EOF, or an *EndError where the other side gave a
	// reason, and ErrLost where the other side vanished.
	Receive(ctx context.Context) ([]byte, error)
	// Close ends the stream in order: what was sent before is delivered first,
	// for as long as the other side takes it within a short time.
	Close() error
}

// Kind serves the sessions of one verb. It must be safe for concurrent use.
type Kind interface {
	// Verb is the word grants and offers use: "shell".
	Verb() string
	// Serve does the session's work and returns when it is over, at the
	// latest a second after ctx has ended (context.Cause says why). The broker
	// closes the stream. An error is for the log of the device alone, but for an
	// *EndError: its reason is told to the technician.
	Serve(ctx context.Context, s Stream, r Request) error
}

// Admitter is a Kind that can refuse a request before a connection is made,
// by a *Refusal that the technician gets to see. Admit must not block.
type Admitter interface {
	Admit(r Request) error
}

// Info describes a live session.
type Info struct {
	ID             ID
	Verb           string
	OSUser         string
	Technician     string
	TechnicianNode identity.NodeID
	Reason         string
	// Since is when the device accepted the offer.
	Since time.Time
	// Connected tells that the channel is open; until then the session waits
	// for the technician's side.
	Connected bool
	// Ending tells that the device has ended it, and that what it ran takes a
	// moment to go.
	Ending bool
}
