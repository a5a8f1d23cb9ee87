package fault

import (
	"context"
	"errors"
	"fmt"
	"os"

	"connectrpc.com/connect"
)

// Kind says what an error means to whoever asked. Its number is the exit code.
type Kind int

// The closed list of kinds.
const (
	Internal    Kind = 1 // a defect or a broken machine; nothing the caller did
	Invalid     Kind = 2 // the input can never work
	Denied      Kind = 3 // not allowed
	NotFound    Kind = 4 // no such thing
	Conflict    Kind = 5 // at odds with what exists
	Unavailable Kind = 6 // may work later or elsewhere
)

// String gives the kind's word, as the API carries it.
func (k Kind) String() string {
	switch k {
	case Internal:
		return "internal"
	case Invalid:
		return "invalid"
	case Denied:
		return "denied"
	case NotFound:
		return "not found"
	case Conflict:
		return "conflict"
	case Unavailable:
		return "unavailable"
	}
	return fmt.Sprintf("kind %d", int(k))
}

func kindNamed(word string) (Kind, bool) {
	for k := Internal; k <= Unavailable; k++ {
		if k.String() == word {
			return k, true
		}
	}
	return 0, false
}

// Error is an error a person can act on. New makes one; it is not changed
// afterwards.
type Error struct {
	Kind    Kind
	Message string // what happened: lower case, no full stop, causes included
	Hint    string // what to do; follows "try: "
	Reason  string // a stable word for programs, e.g. "expired"; often empty
	ID      string // under which the log of the node that told it has it; often empty
	Said    Said   // message and hint, for a page; often none
	Err     error  // for errors.Is and As; Message has its text already
}

// New makes an error of kind k. The format is fmt.Errorf's, %w included.
func New(k Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Message: err.Error(), Err: err}
}

// Try returns a copy of e whose hint is the formatted text: a command to type,
// or a short imperative.
func (e *Error) Try(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// Because returns a copy of e with a stable reason word.
func (e *Error) Because(reason string) *Error {
	c := *e
	c.Reason = reason
	return &c
}

// Error gives the message without the hint.
func (e *Error) Error() string {
	if e.Message == "" && e.Err != nil {
		return e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of gives err as a fault: the whole text of err, the kind of the outermost
// fault or Connect error in its chain, and the first hint, reason, id and said
// found there. It is nil for nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	out := &Error{Err: err, Message: err.Error(), Kind: Internal}
	var c *connect.Error
	switch {
	case errors.As(err, &c):
		out.readWire(c)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		out.Kind = Unavailable
	}
	var f *Error
	if !errors.As(err, &f) {
		return out
	}
	out.Kind = f.Kind
	var hint, reason, id string
	var said Said
	for found := true; found; found = errors.As(f.Err, &f) {
		hint, reason, id = first(hint, f.Hint), first(reason, f.Reason), first(id, f.ID)
		if said.Code == "" {
			said = f.Said
		}
	}
	out.Hint, out.Reason, out.ID = first(hint, out.Hint), first(reason, out.Reason), first(id, out.ID)
	if said.Code != "" {
		out.Said = said
	}
	if out.Kind < Internal || out.Kind > Unavailable {
		out.Kind = Internal
	}
	return out
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// KindOf gives the kind of err; 0 for nil.
func KindOf(err error) Kind {
	if err == nil {
		return 0
	}
	return Of(err).Kind
}

// ExitCode gives the exit code of err: 0 for nil, else 1 to 6.
func ExitCode(err error) int { return int(KindOf(err)) }
