//go:build !linux

package platform

import "net/netip"

// SystemName is the system's name as its makers write it; empty where it does
// not say.
func SystemName() string { return "" }

// Routes are the IPv4 networks this machine has a route to, as far as this
// system tells.
func Routes() []netip.Prefix { return nil }
