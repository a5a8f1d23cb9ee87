package state

import (
	"errors"
	"fmt"

	"warren/consensus/audit"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// What a refused command means to its caller. They cross the wire by name, so
// that a follower's caller branches on the same ones.
var (
	// ErrFounded: this controller belongs to another mesh already.
	ErrFounded = errors.New("a mesh is founded here already")
	// ErrStale: the log's head or the policy moved since the author looked.
	ErrStale = errors.New("changed meanwhile")
	// ErrUsed: every use of the invite is bound to another machine.
	ErrUsed = errors.New("invite already used")
	// ErrExpired: the invite's time is over, or has not come.
	ErrExpired = errors.New("invite expired")
	// ErrRevoked: the invite, the machine or the signer is revoked.
	ErrRevoked = errors.New("revoked")
	// ErrUnknown: no such invite or claim.
	ErrUnknown = errors.New("unknown")
	// ErrDenied: the signer may not, or the machine was turned down.
	ErrDenied = errors.New("denied")
	// ErrTaken: a name, key or address belongs to somebody else.
	ErrTaken = errors.New("taken")
	// ErrFull: a bound is reached; room must be made first.
	ErrFull = errors.New("full")
	// ErrOften: the same author did it too many times of late.
	ErrOften = errors.New("too often")
	// ErrEarly: the command's kind is newer than what every controller knows.
	ErrEarly = errors.New("not every controller knows this yet")
	// ErrInvalid: the command breaks a rule; sending it again will not help.
	ErrInvalid = errors.New("invalid")
)

// refusal gives err one of this package's errors, and exactly one.
func refusal(err error) error {
	for _, own := range []error{
		ErrFounded, ErrStale, ErrUsed, ErrExpired, ErrRevoked, ErrUnknown, ErrDenied, ErrTaken, ErrFull, ErrOften, ErrEarly, ErrInvalid,
	} {
		if errors.Is(err, own) {
			return err
		}
	}
	for _, pair := range []struct{ theirs, own error }{
		{trust.ErrParent, ErrStale},
		{trust.ErrMissing, ErrStale},
		{trust.ErrKnown, ErrStale},
		{invite.ErrAhead, ErrStale},
		{trust.ErrUsed, ErrUsed},
		{invite.ErrNotYet, ErrExpired},
		{invite.ErrExpired, ErrExpired},
		{trust.ErrRevoked, ErrRevoked},
		{invite.ErrRevoked, ErrRevoked},
		{trust.ErrUnauthorised, ErrDenied},
		{trust.ErrLastAdmin, ErrDenied},
		{invite.ErrUnauthorised, ErrDenied},
		{trust.ErrDuplicate, ErrTaken},
		{trust.ErrFull, ErrFull},
		{trust.ErrInvalid, ErrInvalid},
		{invite.ErrInvalid, ErrInvalid},
		{audit.ErrAstray, ErrStale},
		{audit.ErrNote, ErrInvalid},
		{identity.ErrStatement, ErrInvalid},
	} {
		if errors.Is(err, pair.theirs) {
			return fmt.Errorf("%w: %w", pair.own, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}
