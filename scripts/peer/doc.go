// Package peer sets up the programs that warren is measured beside: OpenSSH as
// Debian has it, and wireguard-go from its own module, pinned in the go.mod
// below wireguard-go/ so that the product's stays clean.
//
// It makes keys, configurations and command lines. Whoever asks runs them, in a
// network namespace or not, and ends them.
package peer
