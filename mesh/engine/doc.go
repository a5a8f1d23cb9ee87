// Package engine carries packets between this machine and its peers.
package engine
