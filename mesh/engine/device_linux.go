package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/tailscale/wireguard-go/tun"
	"golang.org/x/sys/unix"
	"tailscale.com/wgengine/router"
)

// openDevice makes the TUN device and the router that gives it addresses.
func openDevice(opts Options) (tun.Device, router.Router, error) {
	dev, err := tun.CreateTUN(opts.Device, opts.MTU)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fmt.Errorf("open tun device %s: %w; without root use --tun userspace", opts.Device, err)
	case errors.Is(err, unix.EBUSY):
		return nil, nil, fmt.Errorf("open tun device %s: it is in use by another program: %w", opts.Device, err)
	case err != nil:
		return nil, nil, fmt.Errorf("open tun device %s: %w", opts.Device, err)
	}
	rt, err := newLinkRouter(opts.Device)
	if err != nil {
		dev.Close()
		return nil, nil, err
	}
	return dev, rt, nil
}

// bindToDevice makes a socket deaf to what comes by other devices. What this
// machine sends to its own overlay address counts as come by the device that
// has the address (net/ipv6/ip6_input.c, IP6CB(skb)->iif).
func bindToDevice(fd uintptr, device string) error {
	if err := unix.BindToDevice(int(fd), device); err != nil {
		return fmt.Errorf("bind to device %s: %w", device, err)
	}
	return nil
}

// claim binds a socket to a free port of an own address, and gives that.
func claim(fd uintptr, from netip.Addr) (netip.AddrPort, error) {
	var at unix.Sockaddr = &unix.SockaddrInet6{Addr: from.As16()}
	if from.Is4() {
		at = &unix.SockaddrInet4{Addr: from.As4()}
	}
	if err := unix.Bind(int(fd), at); err != nil {
		return netip.AddrPort{}, fmt.Errorf("bind to %s: %w", from, err)
	}
	got, err := unix.Getsockname(int(fd))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("name of a socket at %s: %w", from, err)
	}
	switch got := got.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(from, uint16(got.Port)), nil //nolint:gosec // a port
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(from, uint16(got.Port)), nil //nolint:gosec // a port
	}
	return netip.AddrPort{}, fmt.Errorf("name of a socket at %s: %w", from, ErrUnsupported)
}
