// Command bench measures warren beside OpenSSH, both on loopback and in one
// run, and writes docs/benchmarks.md.
//
//	make bench            or: go run ./scripts/bench [-runs N] [-idle D] [-out FILE]
//
// It starts bin/warren demo and an sshd of its own (key login, no PAM, a free
// port), measures, and ends both. Runs of the two alternate, so that what else
// the machine does falls on both alike; medians are compared, not means.
//
// It measures one machine talking to itself: latencies and processor time are
// comparable between the two, throughput over a real network is not shown.
package main
