package engine

import (
	"encoding/binary"
	"time"

	"tailscale.com/disco"
	"tailscale.com/net/packet"
)

// onDisco sees every path discovery message that a peer has sealed for us.
// magicsock offers them for packet captures only; it is the one place that
// tells who pings us. The frame is what disco.ToPCAPFrame writes:
//
//	flag 1 | relay key 32 | port 2 | length 2 | address | length 2 | message
func (e *Engine) onDisco(_ packet.CapturePath, _ time.Time, frame []byte, _ packet.CaptureMeta) {
	const addrLen = 1 + 32 + 2
	if len(frame) < addrLen+2 {
		return
	}
	at := addrLen + 2 + int(binary.LittleEndian.Uint16(frame[addrLen:])) + 2
	if len(frame) < at {
		return
	}
	msg, err := disco.Parse(frame[at:])
	if err != nil {
		return
	}
	// The key is the sender's claim. A false one makes us ping the peer it
	// names, at most once a second.
	if ping, ok := msg.(*disco.Ping); ok {
		if _, known := e.view.Load().byKey[ping.NodeKey]; known {
			e.tunnels.heard(ping.NodeKey)
		}
	}
}
