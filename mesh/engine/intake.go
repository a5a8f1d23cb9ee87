package engine

import (
	"sync/atomic"

	"github.com/tailscale/wireguard-go/tun"
	"gvisor.dev/gvisor/pkg/buffer"
	gstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tailscale.com/net/tstun"
)

// intake is the device that the tunnel writes to in ModeUserspace: what the
// rules let in goes to gVisor. There is nothing to read; see link.WritePackets.
type intake struct {
	tun.Device // one that does nothing
	link       atomic.Pointer[link]
}

func newIntake() *intake { return &intake{Device: tstun.NewFake()} }

// IsFakeTun tells the library that the system knows of no device.
func (*intake) IsFakeTun() bool { return true }

// Write runs on the receiving goroutine of a peer, with the packets that were
// decrypted together. Their memory is used again, so gVisor gets copies: one of
// each run of segments, as a network card would that gathers them.
func (i *intake) Write(packets [][]byte, offset int) (int, error) {
	var to gstack.NetworkDispatcher
	if l := i.link.Load(); l != nil {
		to = l.attached()
	}
	if to == nil {
		return len(packets), nil
	}
	for rest := packets; len(rest) > 0; {
		r := gather(rest, offset)
		rest = rest[r.count:]
		if protocol, ok := r.protocol(); ok {
			pkt := gstack.NewPacketBuffer(gstack.PacketBufferOptions{Payload: buffer.MakeWithView(r.view())})
			to.DeliverNetworkPacket(protocol, pkt)
			pkt.DecRef()
		}
	}
	return len(packets), nil
}
