package shell

import (
	"os"
	"os/user"
)

// Verb is what grants and offers call this kind.
const Verb = "shell"

// Kind serves shells on this device.
type Kind struct {
	uid       func() int // the node's effective user
	lookup    func(name string) (*user.User, error)
	hostFiles bool
}

// Option changes how a Kind serves.
type Option func(*Kind)

// HostFiles is for a node that a service manager lets see a part of the files
// only: its shells see what the system's first process sees (Linux).
func HostFiles(k *Kind) { k.hostFiles = true }

// New makes the kind.
func New(options ...Option) *Kind {
	k := &Kind{uid: os.Geteuid, lookup: lookupUser}
	for _, o := range options {
		o(k)
	}
	return k
}

// Verb implements session.Kind.
func (*Kind) Verb() string { return Verb }
