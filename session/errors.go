package session

import (
	"errors"
	"fmt"
)

// What callers branch on.
var (
	// ErrRefused is all that a peer learns when its offer does not stand up:
	// the exact reason is in the device's own log.
	ErrRefused = errors.New("the device refused the offer")
	// ErrDenied is what every *Refusal is.
	ErrDenied = errors.New("not granted")
	// ErrBusy means that the device has as many sessions, or as many failed
	// offers from this node, as it takes; later may do.
	ErrBusy = errors.New("the device takes no further offers just now")
	// ErrLost means that the other side vanished without a word.
	ErrLost = errors.New("the connection was lost")
	// ErrNoAnswer means that the device's answer did not stand up.
	ErrNoAnswer = errors.New("the device's answer is not acceptable")
	// ErrUnreachable means that offer and answer were exchanged, but no
	// connection came about in time.
	ErrUnreachable = errors.New("no connection to the device came about")
	// ErrInvalid means that a request makes no sense to its kind.
	ErrInvalid = errors.New("invalid request")
)

// Cause is why a known technician is refused.
type Cause int

// The closed list of causes.
const (
	// CauseTechnician: the technician has no grant here at all.
	CauseTechnician Cause = iota + 1
	// CauseVerb: no grant has the verb.
	CauseVerb
	// CauseUser: no grant with the verb has the OS user.
	CauseUser
	// CauseNoVerb: this device does not offer the verb.
	CauseNoVerb
	// CauseNoUser: the device has no such account.
	CauseNoUser
	// CauseNoLogin: the account may not log in.
	CauseNoLogin
	// CauseOtherUser: the node runs without root and offers its own user only.
	CauseOtherUser
	// CauseUnsupported: the device's system cannot do it.
	CauseUnsupported
)

// Refusal is a device's no to a technician it knows, and says what is missing.
type Refusal struct {
	Cause Cause
	Verb  string
	User  string
	// Offered is the OS user that the device does offer; CauseOtherUser only.
	Offered string
}

// Error says what is missing.
func (r *Refusal) Error() string {
	switch r.Cause {
	case CauseTechnician:
		return "policy grants this technician nothing on this device"
	case CauseVerb:
		return fmt.Sprintf("policy does not grant %q on this device", r.Verb)
	case CauseUser:
		return fmt.Sprintf("policy does not grant %q as the user %q on this device", r.Verb, r.User)
	case CauseNoVerb:
		return fmt.Sprintf("this device does not offer %q", r.Verb)
	case CauseNoUser:
		return fmt.Sprintf("this device has no user %q", r.User)
	case CauseNoLogin:
		return fmt.Sprintf("the user %q may not log in on this device", r.User)
	case CauseOtherUser:
		return fmt.Sprintf("the node runs without root and offers its own user %q only, not %q", r.Offered, r.User)
	case CauseUnsupported:
		return fmt.Sprintf("%q is not supported on this device's system", r.Verb)
	default:
		return "not granted"
	}
}

// Is makes every Refusal an ErrDenied.
func (r *Refusal) Is(target error) bool { return target == ErrDenied }

// The reasons a device gives for ending a session.
const (
	ReasonRevoked = "revoked"
	ReasonStopped = "the device stops"
	ReasonLost    = "the connection was lost"
	ReasonEnded   = "ended on the device"
	ReasonFailed  = "the session failed on the device"
)

// EndError is the end of a session that the other side called for a reason.
type EndError struct {
	// Reason is at most MaxReason bytes.
	Reason string
	// Unavailable tells that it is no refusal: what was asked for is not there, or
	// not any more.
	Unavailable bool
}

// MaxReason bounds the reason of an end, in bytes.
const MaxReason = 256

// Error gives the reason.
func (e *EndError) Error() string { return "the session was ended: " + e.Reason }
