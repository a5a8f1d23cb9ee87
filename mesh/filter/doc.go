// Package filter holds the packet rules of one machine and turns them into
// the filter the tunnel runs.
//
// Rules say who may open what: a list of allowances with no order and no
// exceptions. What no rule allows is dropped. They are the last step of a
// policy's way down:
//
//	policy text -> consensus/policy -> Rules -> Compile -> wgengine/filter
//
// Rules.Allows is the definition of what the rules mean; Compile must agree
// with it, and a test with random rules holds the two together.
//
// The compiled filter is stateful for what this machine begins: replies to
// its own flows come in without a rule. Two things follow from the library
// and are part of the meaning here. First, any rule between two addresses
// also allows ICMP between them: a machine that may be talked to may be
// pinged, and path MTU errors arrive. Second, only the SYN of a TCP
// connection is compared with the rules, so a connection outlives the rule
// that let it in; mesh/engine cuts such connections itself.
//
// The package reads no clock, does no I/O and logs nothing.
package filter
