package engine

import (
	"errors"
	"fmt"
	"io/fs"

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
