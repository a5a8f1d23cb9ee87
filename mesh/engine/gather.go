package engine

import (
	"bytes"
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// maxGathered bounds a packet: its length is written in 16 bits.
const maxGathered = 1<<16 - 1

// run is one packet, or several segments of one TCP connection that continue
// each other and say nothing else (generic receive offload).
type run struct {
	packets [][]byte // each from offset on
	offset  int
	count   int
	head    segment // of the first, with the length of all
}

// segment is a TCP segment that may be gathered: with data, and flags that
// mean nothing for those around it. The zero value is any other packet.
type segment struct {
	ip, tcp int // where the TCP header and the data begin
	size    int // of the packet
	seq     uint32
}

// gather is the run that a batch begins with.
func gather(batch [][]byte, offset int) run {
	first := batch[0][offset:]
	head := segmentOf(first)
	r := run{packets: batch, offset: offset, count: 1, head: head}
	r.head.size = len(first)
	if head.tcp == 0 {
		return r
	}
	ends := pushes(first, head)
	for !ends && r.count < len(batch) {
		p := batch[r.count][offset:]
		s := segmentOf(p)
		data := s.size - s.tcp
		switch {
		case s.tcp == 0, s.size > head.size, r.head.size+data > maxGathered,
			s.seq != head.seq+uint32(r.head.size-head.tcp), !sameHeaders(first, p, head, s): //nolint:gosec // below maxGathered
			return r
		}
		ends = s.size < head.size || pushes(p, s)
		r.head.size += data
		r.count++
	}
	return r
}

// segmentOf reads foreign bytes.
func segmentOf(p []byte) segment {
	s := segment{size: len(p)}
	switch {
	case len(p) >= header.IPv4MinimumSize && p[0] == 4<<4|5:
		s.ip = header.IPv4MinimumSize
		ip := header.IPv4(p)
		if ip.TransportProtocol() != header.TCPProtocolNumber || int(ip.TotalLength()) != len(p) || ip.More() || ip.FragmentOffset() != 0 {
			return segment{}
		}
	case len(p) >= header.IPv6MinimumSize && p[0]>>4 == 6:
		s.ip = header.IPv6MinimumSize
		ip := header.IPv6(p)
		if ip.TransportProtocol() != header.TCPProtocolNumber || int(ip.PayloadLength()) != len(p)-s.ip {
			return segment{}
		}
	default:
		return segment{}
	}
	if len(p) < s.ip+header.TCPMinimumSize {
		return segment{}
	}
	tcp := header.TCP(p[s.ip:])
	s.tcp, s.seq = s.ip+int(tcp.DataOffset()), tcp.SequenceNumber()
	if tcp.DataOffset() < header.TCPMinimumSize || s.tcp >= len(p) || tcp.Flags()&^header.TCPFlagPsh != header.TCPFlagAck {
		return segment{}
	}
	return s
}

func pushes(p []byte, s segment) bool {
	return header.TCP(p[s.ip:]).Flags()&header.TCPFlagPsh != 0
}

// sameHeaders compares all that stays for what is gathered: not lengths, not
// IPv4's identification, not the sequence number, not checksums.
func sameHeaders(a, b []byte, sa, sb segment) bool {
	if sa.ip != sb.ip || sa.tcp != sb.tcp {
		return false
	}
	ports, ack, window, options := sa.ip, sa.ip+8, sa.ip+14, sa.ip+header.TCPMinimumSize
	same := func(from, to int) bool { return bytes.Equal(a[from:to], b[from:to]) }
	if sa.ip == header.IPv4MinimumSize {
		if !same(0, 2) || !same(6, 10) || !same(12, 20) {
			return false
		}
	} else if !same(0, 4) || !same(6, 40) {
		return false
	}
	return same(ports, ports+4) && same(ack, ack+4) && same(window, window+2) && same(options, sa.tcp)
}

// protocol is the IP version, if it is one.
func (r run) protocol() (tcpip.NetworkProtocolNumber, bool) {
	switch p := r.packets[0][r.offset:]; {
	case len(p) > 0 && p[0]>>4 == 4:
		return header.IPv4ProtocolNumber, true
	case len(p) > 0 && p[0]>>4 == 6:
		return header.IPv6ProtocolNumber, true
	}
	return 0, false
}

// view is a copy of the run as one packet.
func (r run) view() *buffer.View {
	v := buffer.NewView(r.head.size)
	_, _ = v.Write(r.packets[0][r.offset:]) // memory
	if r.count == 1 {
		return v
	}
	for _, p := range r.packets[1:r.count] {
		_, _ = v.Write(p[r.offset+r.head.tcp:])
	}
	whole := v.AsSlice()
	if last := r.packets[r.count-1][r.offset:]; pushes(last, r.head) {
		header.TCP(whole[r.head.ip:]).SetFlags(uint8(header.TCPFlagAck | header.TCPFlagPsh))
	}
	if r.head.ip == header.IPv4MinimumSize {
		binary.BigEndian.PutUint16(whole[2:], uint16(len(whole))) //nolint:gosec // bounded
	} else {
		binary.BigEndian.PutUint16(whole[4:], uint16(len(whole)-r.head.ip)) //nolint:gosec // bounded
	}
	return v
}
