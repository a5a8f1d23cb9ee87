//go:build linux

// Command lab tells stories of real nodes in a small internet of network
// namespaces: kernel TUN, kernel NAT, real processes with state folders of
// their own, driven by the verbs people use.
//
//	make lab              or: go run ./scripts/lab [-run PATTERN] [-seed N] [-short] [-list]
//
//	                 the internet: one bridge, 203.0.113.0/24
//	   ┌─────────┬─────────┬────────────┬──────────────┐
//	  c1        c2        c3          natA            natB      routers: nft masquerade,
//	                                ┌───┴───┐       ┌───┴───┐   drop by default
//	                               t1      d1      d2      d3   192.168.1.0/24, .2.0/24 ...
//
// Each story is a file of its own, reads from top to bottom, and ends with one
// line of JSON on standard output: {"id","seed","pass","figures","error"}.
// What happens meanwhile is told on standard error.
//
// A story runs in a process that is the first of its own PID namespace and has
// its own network and its own /run, where its state folders lie. So nothing of
// it can outlive it, however it ends, and no packet of it can leave: there is
// no interface that leads out. The machine's own network is not touched.
//
// It needs root and Linux, and nftables, conntrack and iproute2.
package main
