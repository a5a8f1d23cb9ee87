package home

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	"warren/node/fault"
)

// Tunnel are the private keys of the machine's tunnels: X25519 both. Counter
// numbers the key statement that vouches for them.
type Tunnel struct {
	WireGuard []byte `json:"wireguard"`
	Disco     []byte `json:"disco"`
	Counter   uint64 `json:"counter"`
}

// EnsureTunnel reads the tunnel keys or makes them. The disco key is kept as
// well: peers drop a node that returns with one they have not heard of.
func (h Home) EnsureTunnel() (Tunnel, error) {
	var t Tunnel
	err := h.readJSON(h.tunnelPath(), &t)
	switch {
	case err == nil:
		if len(t.WireGuard) != 32 || len(t.Disco) != 32 {
			return Tunnel{}, fault.New(fault.Invalid, "%s: keys of the wrong size", h.tunnelPath())
		}
		return t, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Tunnel{}, err
	}
	t.Counter = 1
	for _, k := range []*[]byte{&t.WireGuard, &t.Disco} {
		key, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			return Tunnel{}, fmt.Errorf("make tunnel key: %w", err)
		}
		*k = key.Bytes()
	}
	return t, h.writeJSON(h.tunnelPath(), t)
}

// Tunnel reads the tunnel keys; fs.ErrNotExist where there are none.
func (h Home) Tunnel() (Tunnel, error) {
	var t Tunnel
	return t, h.readJSON(h.tunnelPath(), &t)
}

// Keys are the WireGuard and the disco key.
func (t Tunnel) Keys() (wireguard, disco *ecdh.PrivateKey, err error) {
	if wireguard, err = ecdh.X25519().NewPrivateKey(t.WireGuard); err != nil {
		return nil, nil, fmt.Errorf("tunnel key: %w", err)
	}
	if disco, err = ecdh.X25519().NewPrivateKey(t.Disco); err != nil {
		return nil, nil, fmt.Errorf("tunnel key: %w", err)
	}
	return wireguard, disco, nil
}
