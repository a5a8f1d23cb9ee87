// Package policy says who may do what on which machine.
//
// A policy is a HuJSON text (JSON with comments and trailing commas) of
// groups, tags, grants and tests. Grants only ever allow; what no grant allows
// is denied, so their order means nothing.
//
//	text -> Parse -> Policy -> Compile(Directory) -> Compiled
//	                   |                               |- Verb, IP: a Decision with its reason
//	                   |- Warnings: names that          |- Sessions, Packets: what one machine enforces
//	                   |  nobody has                    `- Peers: whom it may meet at all
//	                   `- Check: its own tests
//
// A grant has two halves. "verbs" are what technicians may do on machines
// through sessions, as the OS users in "users". "ip" is which packets machines
// may send to each other; a technician stands for their node there. Words:
//
//	src    technician | group:NAME | role:admin | tag:NAME | device | *
//	dst    device | tag:NAME | role:controller|gateway|device|technician | *
//	verbs  shell view control files forward run ping | *
//	users  OS user names; "*" is any but root; without "users" it is ["*"]
//	consent    true: whoever is at the machine is asked before view and control
//	clipboard  both (the default) | in | out | none: copies while control is used
//	ip     * | icmp | tcp:22 | udp:53 | tcp:8000-8100 | tcp:*
//
// Three things stand above the text. The ports of the mesh itself are always
// open and no policy speaks of them. Controllers and everyone else may always
// meet, or no View would arrive. And on a machine its user owns (BYOD) the user
// is asked before view and control, whatever a grant says, and every other verb
// but ping is denied (SECURITY.md D-27).
//
// Rights add up, each by itself: who may control one machine unattended by one
// grant, and copy from it by another, does both.
//
// Promises: Parse is bounded in size and depth and points at line and column
// of each mistake; a Policy and a Compiled are immutable and may be shared;
// the same text and Directory give the same answers everywhere. The package
// reads no clock and does no I/O. It does not decide who is a member (see
// Members) nor who may change the policy, which the trust log does.
package policy
