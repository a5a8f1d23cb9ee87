package api

import (
	"net/netip"
	"strconv"
	"strings"

	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
)

// FindDevice finds the one machine that word names: by name, overlay address,
// or NodeID prefix. Live machines come before revoked ones of the same name.
func FindDevice(log *trust.Log, word string) (trust.Device, error) {
	word = strings.ToLower(strings.TrimSpace(word))
	if d, ok := log.DeviceByName(word); ok {
		return d, nil
	}
	addr, err := netip.ParseAddr(word)
	isAddr := err == nil
	var found []trust.Device
	for d := range log.Devices() {
		switch {
		case isAddr && !d.Revoked && (d.IPv4 == addr || log.Mesh().Address(d.ID) == addr),
			d.ID.HasPrefix(word),
			d.Name == word:
			found = append(found, d)
		}
	}
	switch len(found) {
	case 0:
		err := fault.New(fault.NotFound, "no device %q in this mesh", word).Says(fault.NoDevice, word)
		if len(word) > 0 && len(word) < identity.MinNodePrefix && strings.Trim(word, "0123456789abcdef") == "" {
			return trust.Device{}, err.Try("warren devices; an id needs %d characters at least", identity.MinNodePrefix)
		}
		return trust.Device{}, err.Try("warren devices")
	case 1:
		return found[0], nil
	}
	for _, d := range found {
		if d.Name == word && !d.Revoked {
			return d, nil
		}
	}
	return trust.Device{}, fault.New(fault.Conflict, "%q names %d devices", word, len(found)).Try("warren devices, and more of the id").Says(fault.ManyDevices, word, strconv.Itoa(len(found)))
}
