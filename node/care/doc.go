// Package care helps the people of a machine whose node does not do what they
// want: what is wrong with it, and what may be shown to others.
//
//	Examine    what the machine alone tells, with or without a running node;
//	           the node adds what only it can see (node/api, CareService)
//	Journal    the newest lines of the node's log, kept in memory
//	Redactor   takes secrets out of text
//	Bundle     a tar.gz of what helps somebody else to find out
//
// A Finding is a sentence about how things are, and where they are wrong, what
// to do. Examine changes nothing but for a probe file that it removes again,
// sends nothing, and takes a few milliseconds.
//
// Promises: what Bundle writes has no private key of the machine or its
// technician and no recovery key in it in any common writing (hex, base64, base32,
// numbers, quoted up to three times, broken into lines, cut, inside something
// longer), no invite link, no passphrase and no environment. It names machines, addresses and people: it is for those one
// trusts with that.
package care
