// Package storetest is an internet of one process for stores: a Network whose
// layers reach each other by NodeID, and can be cut off.
package storetest
