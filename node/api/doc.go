// Package api answers what others ask of a running node: programs of this
// machine over the local socket, members over the node port when this machine
// is a controller, and members inside the overlay.
//
//	local socket   NodeService, InviteService, PolicyService, SessionService
//	node port      EnrolService (package enrol), ControllerService
//	overlay        PeerService
//
// One file answers for one resource. Who may call what is decided here, from
// the credentials the connection proved: a local user's uid, or a node key.
// What a call then does is signed by a person's key or refused by those whom
// it concerns, so that a mistake here cannot grant anything.
//
// Promises: a read answers from this machine's own View and says what it does
// not know; a write returns when the change is ordered and this machine has
// it. It starts no goroutine that outlives a call.
package api
