// Package enrol brings machines into a mesh: an invite goes in, an admitted
// machine comes out. It holds every side of it.
//
//	founder     Found: genesis, first controller, owner, default policy
//	newcomer    Greet -> judge the invite -> Claim -> Await
//	controller  Desk: answers newcomers, orders claims, can sign for nobody
//	officer     Admit: the records a technician signs for a claim
//
// Everything a newcomer is told is verified against the mesh id in the link
// before a word of it is shown. Whoever runs Desk can delay a newcomer or turn
// him away, but neither let him in nor widen what he gets.
//
// Promises: each step may be repeated after a crash with the same result, and
// the folder says it belongs to a mesh only when it does. It draws nothing and
// asks nobody; the verbs do.
package enrol
