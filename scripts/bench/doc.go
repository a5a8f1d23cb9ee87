// Command bench measures warren beside OpenSSH and wireguard-go, in one run,
// and writes docs/benchmarks.md.
//
//	make bench            or: go run ./scripts/bench [-only PATTERN] [-runs N] [-reps N] [-idle D] [-out FILE]
//
//	steps -> rows -> docs/benchmarks.md
//	  |-- warren demo and an sshd on loopback: commands, output, joining, idling
//	  |-- scripts/lab -bench, as root: namespaces with kernel TUN, whole nodes,
//	  |     wireguard-go and sshd in namespaces of their own
//	  `-- go test: three controllers as processes, plan.For
//
// Where two are compared their runs alternate, so that what else the machine
// does falls on both alike; medians are compared, not means. A step that fails
// or is over its time leaves rows that say "not measured" and why; the others
// go on. Everything runs in one folder, on a disk, which is gone in the end.
//
// It measures one machine talking to itself: latencies and processor time are
// comparable between the two, throughput over a real network is not shown.
package main
