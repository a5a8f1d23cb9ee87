package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	glog "gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	gstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"tailscale.com/net/tstun"
)

const nic tcpip.NICID = 1

// largestWindow of a TCP connection, in bytes.
const largestWindow = 2 << 20

// userStack ends overlay packets in this process, in gVisor's TCP/IP:
//
//	tunnel -> rules -> guard.in -> intake -> gVisor -> Listen, Dial
//	tunnel <- link.WritePackets <----------- gVisor
//
// Nothing reaches the system: what nobody listens for is refused here, and
// never passed on to a port of the host.
type userStack struct {
	ip   *gstack.Stack
	link *link

	mu    sync.Mutex // guards the following
	addrs map[netip.Addr]bool
}

// silence takes gVisor's own log, which goes to standard error otherwise and
// tells of every connection that was given up.
type silence struct{}

func (silence) Emit(int, glog.Level, time.Time, string, ...any) {}

func newUserStack(dev *tstun.Wrapper, mtu int) (*userStack, error) {
	glog.SetTarget(silence{})
	s := &userStack{
		ip: gstack.New(gstack.Options{
			NetworkProtocols: []gstack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
			TransportProtocols: []gstack.TransportProtocolFactory{
				tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6,
			},
			HandleLocal: true,
		}),
		link:  &link{dev: dev, mtu: uint32(mtu)},
		addrs: make(map[netip.Addr]bool),
	}
	sack := tcpip.TCPSACKEnabled(true)
	rack := tcpip.TCPRecovery(0) // its acknowledgements come late, and cost throughput
	// A window is what lies in the tunnel's queues at most, each packet in a
	// buffer of 64 KiB: 4 MiB, gVisor's own bound, made 230 MB of buffers and a
	// third less throughput. 2 MiB is 168 Mbit/s for each connection at 100 ms.
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: largestWindow, Max: largestWindow}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: largestWindow, Max: largestWindow}
	if err := errors.Join(
		problem(s.ip.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)),
		problem(s.ip.SetTransportProtocolOption(tcp.ProtocolNumber, &rack)),
		problem(s.ip.SetTransportProtocolOption(tcp.ProtocolNumber, &receive)),
		problem(s.ip.SetTransportProtocolOption(tcp.ProtocolNumber, &send)),
		problem(s.ip.CreateNIC(nic, s.link)),
	); err != nil {
		s.ip.Destroy()
		return nil, fmt.Errorf("make userspace network: %w", err)
	}
	s.ip.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	return s, nil
}

func (s *userStack) setAddresses(want []netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := make(map[netip.Addr]bool, len(want))
	var errs []error
	for _, p := range want {
		a := p.Addr()
		keep[a] = true
		if s.addrs[a] {
			continue
		}
		err := s.ip.AddProtocolAddress(nic, tcpip.ProtocolAddress{
			Protocol:          protocolOf(a),
			AddressWithPrefix: tcpip.AddrFromSlice(a.AsSlice()).WithPrefix(),
		}, gstack.AddressProperties{})
		if err != nil {
			errs = append(errs, fmt.Errorf("add address %s: %s", a, err))
			continue
		}
		s.addrs[a] = true
	}
	for a := range s.addrs {
		if keep[a] {
			continue
		}
		if err := s.ip.RemoveAddress(nic, tcpip.AddrFromSlice(a.AsSlice())); err != nil {
			errs = append(errs, fmt.Errorf("remove address %s: %s", a, err))
		}
		delete(s.addrs, a)
	}
	return errors.Join(errs...)
}

func (s *userStack) listen(_ context.Context, at netip.AddrPort) (net.Listener, error) {
	l, err := gonet.ListenTCP(s.ip, fullAddress(at), protocolOf(at.Addr()))
	if err != nil {
		return nil, fmt.Errorf("listen on tcp %s: %w", at, err)
	}
	return &userListener{TCPListener: l}, nil
}

func (s *userStack) dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	remote, proto := fullAddress(to), protocolOf(to.Addr())
	switch network {
	case "tcp", "tcp4", "tcp6":
		c, err := gonet.DialContextTCP(ctx, s.ip, remote, proto)
		if err != nil {
			return nil, fmt.Errorf("dial tcp %s: %w", to, translate("dial", "tcp", new(atomic.Bool), err))
		}
		return &userConn{TCPConn: c}, nil
	case "udp", "udp4", "udp6":
		c, err := gonet.DialUDP(s.ip, nil, &remote, proto)
		if err != nil {
			return nil, fmt.Errorf("dial udp %s: %w", to, err)
		}
		return &userPacketConn{UDPConn: c}, nil
	}
	return nil, fmt.Errorf("dial %s: %w", to, net.UnknownNetworkError(network))
}

func (s *userStack) close() {
	s.ip.Close()
	for _, ep := range s.ip.CleanupEndpoints() {
		ep.Abort()
	}
	s.ip.Destroy()
}

// link is gVisor's network card. It has no queue: a packet is handed to
// WireGuard when it takes it, so that a full tunnel slows senders down
// rather than lose their packets.
type link struct {
	dev *tstun.Wrapper
	mtu uint32

	mu         sync.RWMutex // guards the following
	dispatcher gstack.NetworkDispatcher
}

var (
	_ gstack.LinkEndpoint = (*link)(nil)
	_ gstack.GSOEndpoint  = (*link)(nil)
)

func (l *link) WritePackets(list gstack.PacketBufferList) (int, tcpip.Error) {
	n := 0
	for _, pkt := range list.AsSlice() {
		if err := l.dev.InjectOutboundPacketBuffer(pkt.IncRef()); err != nil {
			return n, &tcpip.ErrAborted{}
		}
		n++
	}
	return n, nil
}

func (l *link) attached() gstack.NetworkDispatcher {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.dispatcher
}

func (l *link) Attach(d gstack.NetworkDispatcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatcher = d
}

func (l *link) IsAttached() bool                        { return l.attached() != nil }
func (l *link) MTU() uint32                             { return l.mtu }
func (l *link) SetMTU(uint32)                           {}
func (l *link) MaxHeaderLength() uint16                 { return 0 }
func (l *link) LinkAddress() tcpip.LinkAddress          { return "" }
func (l *link) SetLinkAddress(tcpip.LinkAddress)        {}
func (l *link) Wait()                                   {}
func (l *link) Close()                                  { l.Attach(nil) }
func (l *link) SetOnCloseAction(func())                 {}
func (l *link) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }
func (l *link) AddHeader(*gstack.PacketBuffer)          {}
func (l *link) ParseHeader(*gstack.PacketBuffer) bool   { return true }
func (l *link) GSOMaxSize() uint32                      { return 1<<16 - 1 }

// Capabilities says that nobody needs to compare checksums: WireGuard's tag
// vouches for every byte.
func (l *link) Capabilities() gstack.LinkEndpointCapabilities {
	return gstack.CapabilityRXChecksumOffload
}

// SupportedGSO lets TCP hand over 64 KiB at once; the tunnel splits it.
func (l *link) SupportedGSO() gstack.SupportedGSO {
	if runtime.GOOS == "linux" {
		return gstack.HostGSOSupported
	}
	return gstack.GSONotSupported
}

func fullAddress(ap netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFromSlice(ap.Addr().AsSlice()), Port: ap.Port()}
}

func protocolOf(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

func problem(err tcpip.Error) error {
	if err == nil {
		return nil
	}
	return errors.New(err.String())
}
