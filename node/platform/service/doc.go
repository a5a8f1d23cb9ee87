// Package service installs the node as a service of systemd: it writes the
// unit, and asks systemctl for the rest.
//
//	warren install --now           systemd
//	  write warren.service  ---->  enable, start  ---->  warren up
//	                                    ^                   |
//	                                    +--- READY=1 -------+  Notify
//
// The unit confines the node as far as the terminals it opens for others
// allow; Unit says the reason for each thing left open. A unit of another hand
// is never overwritten, that of a package is used as it is, and the state
// folder is never touched. Packages carry PackageUnit: the same text.
//
// Notify speaks sd_notify(3): one datagram, no library. It does nothing where
// no service manager listens. The package knows no other service manager.
package service
