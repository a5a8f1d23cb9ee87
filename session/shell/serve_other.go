//go:build !unix

package shell

import (
	"context"
	"os/user"

	"warren/session"
)

// Admit refuses: this system has no shell sessions yet.
func (*Kind) Admit(r session.Request) error {
	return &session.Refusal{Cause: session.CauseUnsupported, Verb: r.Verb, User: r.OSUser}
}

// Serve refuses as Admit does.
func (k *Kind) Serve(_ context.Context, _ session.Stream, r session.Request) error { return k.Admit(r) }

func lookupUser(name string) (*user.User, error) { return user.Lookup(name) }
