//go:build linux

package main

// stories are all there are, in the order they are told.
func stories() []story {
	return []story{
		publicController(),
		directBehindNAT(),
		throughMember(),
		inBrowser(),
		udpBlocked(),
		natMatrix(),
		homeDies(),
		homeDiesTLS(),
		homeFallsSilent(),
		homeFallsSilentTLS(),
		withoutControllers(),
		cachedEndpoints(),
		lanMulticast(),
		roaming(),
		partition(),
		benchTunnel(),
		benchModes(),
		benchKeys(),
		benchControllers(),
		benchOrphans(),
		benchRevocation(),
	}
}
