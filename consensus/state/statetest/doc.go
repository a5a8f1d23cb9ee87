// Package statetest founds meshes for tests: real keys, real signatures, no
// clock and no randomness, so that the same calls give the same bytes.
//
// A Mesh plays the people: the founder who invites, approves, rejects and
// revokes. Machines are numbered. Everything it makes is a command's body,
// ready for command.New. It keeps no state; what depends on the chain takes
// the log it is to be based on.
package statetest
