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

// Public are the public halves of the WireGuard and the disco key.
func (t Tunnel) Public() (wireguard, disco [32]byte, err error) {
	if wireguard, err = public(t.WireGuard); err != nil {
		return wireguard, disco, err
	}
	disco, err = public(t.Disco)
	return wireguard, disco, err
}

func public(private []byte) (pub [32]byte, err error) {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return pub, fmt.Errorf("tunnel key: %w", err)
	}
	copy(pub[:], key.PublicKey().Bytes())
	return pub, nil
}
