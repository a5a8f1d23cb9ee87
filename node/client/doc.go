// Package client is the typed way to a running node: over its local socket
// for the programs of this machine, over the TLS port for other machines.
//
// Errors come back as faults, so that the kind, the message and the hint a
// handler gave are what the caller sees. It keeps no state but connections,
// and retries nothing by itself.
package client
