package shell

import (
	"os"
	"os/user"
)

// Verb is what grants and offers call this kind.
const Verb = "shell"

// Kind serves shells on this device.
type Kind struct {
	uid    func() int // the node's effective user
	lookup func(name string) (*user.User, error)
}

// New makes the kind.
func New() *Kind { return &Kind{uid: os.Geteuid, lookup: lookupUser} }

// Verb implements session.Kind.
func (*Kind) Verb() string { return Verb }
