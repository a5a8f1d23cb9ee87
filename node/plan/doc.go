// Package plan turns what all agree on into what one machine does: For(View,
// Self) is a pure function, and the heart of a node.
//
//	trust log --.
//	policy    --+-- View, Self --> For --> Plan -- Mesh    --> mesh/engine
//	facts     --'                              '-- Session --> session/broker
//
// A node computes its Plan anew whenever the View changes, and when Plan.Until
// has come, and hands each room its part. Nobody tells a machine whom to trust:
// it derives that from signed statements which it verified itself, so all
// machines that hold the same View come to plans that fit together.
//
// The rules in short. A peer is a member in force that this machine may meet:
// controllers meet everyone, a technician's node the machines on which the
// technician has a verb, other machines those that either may send packets to.
// The mesh's own ports and ICMP are open to every peer, all other packets need
// a grant. Revoked machines and technicians are in no plan. A machine whose
// record has ended keeps only the controllers, which may renew it; the plan of
// a revoked machine is empty and says so.
//
// Promises: For reads no clock and keeps nothing; equal input gives an equal
// Plan, with peers sorted by NodeID and the rest in the policy's order. A Plan
// shares memory with its View and is read only. At 5,000 devices and 200 grants
// it takes a few milliseconds, see the benchmarks.
//
// It does not verify statements, does not choose paths and does not know what
// runs at the moment; each room compares for itself.
package plan
