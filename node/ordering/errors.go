package ordering

import (
	"errors"

	"warren/consensus/state"
	"warren/consensus/store"
	"warren/node/fault"
)

// refusal pairs a sentinel with the word that crosses the wire for it.
type refusal struct {
	err    error
	reason string
	kind   fault.Kind
	hint   string
}

func refusals() []refusal {
	return []refusal{
		{state.ErrFounded, "founded", fault.Conflict, ""},
		{state.ErrStale, "stale", fault.Conflict, "the same again"},
		{state.ErrUsed, "used", fault.Denied, "a new invite"},
		{state.ErrExpired, "expired", fault.Denied, "a new invite"},
		{state.ErrRevoked, "revoked", fault.Denied, ""},
		{state.ErrUnknown, "unknown", fault.NotFound, ""},
		{state.ErrDenied, "denied", fault.Denied, ""},
		{state.ErrEarly, "early", fault.Unavailable, "the same once every controller runs this version"},
		{state.ErrInvalid, "invalid", fault.Invalid, ""},
		{state.ErrTaken, "taken", fault.Conflict, "another name"},
		{state.ErrFull, "full", fault.Conflict, "revoke or decide what is open"},
		{state.ErrOften, "often", fault.Conflict, "again in an hour, or one link for several machines: --uses N"},
	}
}

// Fault gives what a store or a state refused as a fault; other errors pass.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	for _, r := range refusals() {
		if errors.Is(err, r.err) {
			out := fault.New(r.kind, "%w", err).Because(r.reason)
			if r.hint != "" {
				out = out.Try("%s", r.hint)
			}
			return out
		}
	}
	switch {
	case errors.Is(err, store.ErrUnknownOutcome):
		return meaning(fault.New(fault.Unavailable, "whether it took effect is not known").Try("look before you repeat it"), err)
	case errors.Is(err, store.ErrNoLeader), errors.Is(err, store.ErrNotLeader), errors.Is(err, store.ErrStopped):
		return meaning(fault.New(fault.Unavailable, "no controller leads just now").Try("again in a moment").Because("no-leader"), err)
	}
	return err
}

// meaning keeps the cause for programs; its words are the store's own.
func meaning(f *fault.Error, cause error) error {
	f.Err = cause
	return f
}

// sentinel is a fault from the wire with the sentinel it was in its chain.
func sentinel(err error) error {
	if err == nil {
		return nil
	}
	reason := fault.Of(err).Reason
	for _, r := range refusals() {
		if r.reason == reason {
			return &returned{err, r.err}
		}
	}
	return err
}

// returned reads as the fault and is the sentinel.
type returned struct {
	error
	is error
}

func (r *returned) Unwrap() []error { return []error{r.error, r.is} }
