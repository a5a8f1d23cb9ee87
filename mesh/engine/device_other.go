//go:build !linux

package engine

import (
	"fmt"
	"net/netip"

	"github.com/tailscale/wireguard-go/tun"
	"tailscale.com/wgengine/router"
)

func openDevice(Options) (tun.Device, router.Router, error) {
	return nil, nil, fmt.Errorf("open tun device: %w; use --tun userspace", ErrUnsupported)
}

func bindToDevice(uintptr, string) error { return ErrUnsupported }

func claim(uintptr, netip.Addr) (netip.AddrPort, error) { return netip.AddrPort{}, ErrUnsupported }
