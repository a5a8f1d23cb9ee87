// Package gossip keeps a pool of members told about each other: who is up, how
// far each one's log goes, and the statements they sign.
package gossip
