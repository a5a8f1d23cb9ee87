// Package gateway is the room for what cannot run warren: networks behind a
// member, stock WireGuard clients, things that are only looked at.
//
// Nothing is built here yet. Sub-packages will do the work and this package
// will be their contract, as it is everywhere in the house: routes and fail-
// over in subnet, phones and routers in clients, hosts seen in discover,
// measurements in probe. What a gateway serves comes to it from node's Plan as
// values; it imports no other room but mesh/identity.
package gateway
