//go:build linux

package main

// stories are all there are, in the order they are told.
func stories() []story {
	return []story{
		publicController(),
		cachedEndpoints(),
		lanMulticast(),
		roaming(),
	}
}
