package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"warren/mesh/internal/loopback"
)

var (
	// ErrPortTaken says that the UDP port belongs to another program.
	ErrPortTaken = errors.New("port is taken")
	// ErrClosed says that the engine has ended.
	ErrClosed = errors.New("engine closed")
	// ErrUnknownPeer says that no configured peer has that name or address.
	ErrUnknownPeer = errors.New("unknown peer")
	// ErrNoPath says that a peer answered on none of its endpoints.
	ErrNoPath = errors.New("no path")
	// ErrUnsupported says that this system cannot do it.
	ErrUnsupported = loopback.ErrUnsupported
)

// Mode is where overlay packets meet IP.
type Mode uint8

const (
	// ModeKernel gives packets to the system through a TUN device; needs root.
	ModeKernel Mode = iota
	// ModeUserspace ends them in this process, in a TCP/IP stack of its own.
	ModeUserspace
)

// String gives the word of the --tun flag.
func (m Mode) String() string {
	if m == ModeUserspace {
		return "userspace"
	}
	return "kernel"
}

const (
	// defaultDevice names the TUN device.
	defaultDevice = "warren0"
	// defaultMTU passes any path that IPv6 passes: 1280 is the least an IPv6
	// link may offer (RFC 8200, section 5).
	defaultMTU = 1280
)

// Options are fixed for the life of an Engine.
type Options struct {
	// Port is the UDP port of WireGuard and disco on all addresses; 0 takes
	// a free one. On a rendezvous the TCP port of the same number is its door.
	Port uint16
	// Mode is ModeKernel unless set; Loopback implies ModeUserspace.
	Mode Mode
	// Device names the TUN device in ModeKernel; "" is warren0.
	Device string
	// Loopback keeps all traffic on this machine: only loopback endpoints
	// are published, datagrams from elsewhere are dropped, nothing beyond
	// the machine is probed.
	Loopback bool
	// MTU of the overlay in bytes; 0 is 1280.
	MTU int
	// WireGuard is the X25519 private key of the tunnels.
	WireGuard [32]byte
	// Disco is the X25519 private key of path discovery. Keep it across
	// restarts: peers drop what comes from a disco key they do not know.
	Disco [32]byte
	// ExtraEndpoints are published beside those that are found; nil is none.
	// It must answer at once. Call Refresh when they change.
	ExtraEndpoints func() []netip.AddrPort
	// Log is where the engine speaks; nil is silence.
	Log *slog.Logger
}

// LogValue keeps the keys out of logs.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Int("port", int(o.Port)),
		slog.String("mode", o.Mode.String()),
		slog.Bool("loopback", o.Loopback),
		slog.String("device", o.Device),
		slog.Int("mtu", o.MTU),
	)
}

func (o Options) withDefaults() (Options, error) {
	if o.WireGuard == [32]byte{} || o.Disco == [32]byte{} {
		return o, errors.New("engine options: WireGuard and disco keys are needed")
	}
	if o.Loopback {
		o.Mode = ModeUserspace
	}
	if o.Device == "" {
		o.Device = defaultDevice
	}
	if o.MTU == 0 {
		o.MTU = defaultMTU
	}
	if o.MTU < 1280 || o.MTU > 65535 {
		return o, fmt.Errorf("engine options: mtu %d is outside 1280 to 65535", o.MTU)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("part", "engine")
	return o, nil
}

// claimPort finds out whether the port is free, as magicsock would take
// another one without a word. For 0 it picks one that is free in both
// families, where magicsock would take two.
func claimPort(port uint16) (uint16, error) {
	for try := 0; ; try++ {
		got, err := tryPort(port)
		if err == nil || port != 0 || try == 20 {
			return got, err
		}
	}
}

func tryPort(port uint16) (uint16, error) {
	c4, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port)})
	if err != nil {
		return 0, portError(port, err)
	}
	defer c4.Close()
	if a, ok := c4.LocalAddr().(*net.UDPAddr); ok {
		port = uint16(a.Port)
	}
	c6, err := net.ListenUDP("udp6", &net.UDPAddr{Port: int(port)})
	if err == nil {
		c6.Close()
	} else if errors.Is(err, errAddrInUse) {
		return 0, portError(port, err)
	} // else there is no IPv6 here
	return port, nil
}

func portError(port uint16, err error) error {
	if errors.Is(err, errAddrInUse) {
		return fmt.Errorf("listen on udp port %d: %w", port, ErrPortTaken)
	}
	return fmt.Errorf("listen on udp port %d: %w", port, err)
}
