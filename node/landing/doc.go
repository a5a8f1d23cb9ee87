// Package landing is the page that a browser finds behind an invite link: into
// what mesh it leads, what joining means, what is seen and never seen, and the
// command for each system.
//
//	https://HOST:PORT/j#w1.secret
//	                  |  +--- stays in the browser: a fragment is never sent,
//	                  |       and there is no script here that could read it
//	                  +------ one page, made when the node starts
//
// A controller could not be trusted with a link: so the page has no script, no
// form, no image and no link of its own, its policy forbids the browser all of
// them, and the person pastes the link by hand. It knows the mesh's name and
// the beginning of its id, and says nothing of who is in it.
//
// Promises: one path, byte for byte; GET and HEAD only; no cookie, nothing
// kept, nothing read but the path, the method and the language; each address
// gets so many pages a minute. Safe for concurrent use.
//
// Browsers take no Ed25519 certificates, so Certificate makes one of another
// kind, with a key that ends with the process. No authority vouches for it and
// browsers say so; nothing here needs to be believed, because warren join
// checks the mesh by the link itself.
package landing
