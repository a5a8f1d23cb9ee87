// Package manual writes what the verbs say of themselves in two more forms: a
// man page for each, and one page of the manual with all.
//
//	verbs (cobra) --+--> --help         read by people at a prompt
//	                +--> Man            warren-invite.1, in packages
//	                +--> Markdown       docs/verbs.md, in the manual
//
// The verbs are the one source: nothing is written here that they do not say,
// but what all of them share (global flags, exit codes, files). The text
// depends on the verbs and the version alone, so that packages can be built
// again bit for bit.
//
// Hidden verbs and flags are left out. Nothing is read from the system.
package manual
