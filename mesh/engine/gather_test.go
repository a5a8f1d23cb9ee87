package engine

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

const gap = 16 // before each packet, as the tunnel leaves room

// tcpPacket is a segment as the tunnel hands it over; change is done to it last.
func tcpPacket(v6 bool, seq uint32, flags header.TCPFlags, data []byte, change func(ip, tcp []byte)) []byte {
	ipLen := header.IPv4MinimumSize
	if v6 {
		ipLen = header.IPv6MinimumSize
	}
	const options = 12
	p := make([]byte, gap+ipLen+header.TCPMinimumSize+options+len(data))
	ip := p[gap:]
	from, to := tcpip.AddrFrom16([16]byte{0xfd, 15: 1}), tcpip.AddrFrom16([16]byte{0xfd, 15: 2})
	if v6 {
		header.IPv6(ip).Encode(&header.IPv6Fields{
			PayloadLength: uint16(len(ip) - ipLen), TransportProtocol: header.TCPProtocolNumber, HopLimit: 64, SrcAddr: from, DstAddr: to,
		})
	} else {
		header.IPv4(ip).Encode(&header.IPv4Fields{
			TotalLength: uint16(len(ip)), TTL: 64, Protocol: uint8(header.TCPProtocolNumber), ID: uint16(seq),
			SrcAddr: tcpip.AddrFrom4([4]byte{100, 64, 0, 1}), DstAddr: tcpip.AddrFrom4([4]byte{100, 64, 0, 2}),
		})
	}
	header.TCP(ip[ipLen:]).Encode(&header.TCPFields{
		SrcPort: 1000, DstPort: 2000, SeqNum: seq, AckNum: 77, DataOffset: header.TCPMinimumSize + options, Flags: flags, WindowSize: 500,
	})
	copy(ip[ipLen+header.TCPMinimumSize:], "a timestamp.")
	copy(ip[ipLen+header.TCPMinimumSize+options:], data)
	if change != nil {
		change(ip, ip[ipLen:])
	}
	return p
}

func TestSegmentsAreGathered(t *testing.T) {
	const ack, psh = header.TCPFlagAck, header.TCPFlagAck | header.TCPFlagPsh
	kilo := bytes.Repeat([]byte("k"), 1000)
	for _, v6 := range []bool{false, true} {
		next := func(seq uint32, change func(ip, tcp []byte)) []byte { return tcpPacket(v6, seq, ack, kilo, change) }
		var long [][]byte
		for i := range uint32(100) {
			long = append(long, next(i*1000, nil))
		}
		for name, c := range map[string]struct {
			batch [][]byte
			want  int
		}{
			"alone":              {[][]byte{next(5, nil)}, 1},
			"in order":           {[][]byte{next(5, nil), next(1005, nil), next(2005, nil)}, 3},
			"over the end":       {[][]byte{next(1<<32-500, nil), next(500, nil)}, 2},
			"one lost":           {[][]byte{next(5, nil), next(2005, nil)}, 1},
			"twice":              {[][]byte{next(5, nil), next(5, nil)}, 1},
			"a short one ends":   {[][]byte{next(5, nil), tcpPacket(v6, 1005, ack, kilo[:10], nil), next(1015, nil)}, 2},
			"a longer one":       {[][]byte{tcpPacket(v6, 5, ack, kilo[:10], nil), next(15, nil)}, 1},
			"a push ends":        {[][]byte{next(5, nil), tcpPacket(v6, 1005, psh, kilo, nil), next(2005, nil)}, 2},
			"a push at first":    {[][]byte{tcpPacket(v6, 5, psh, kilo, nil), next(1005, nil)}, 1},
			"a FIN":              {[][]byte{next(5, nil), tcpPacket(v6, 1005, ack|header.TCPFlagFin, kilo, nil)}, 1},
			"a SYN at first":     {[][]byte{tcpPacket(v6, 5, header.TCPFlagSyn, kilo, nil), next(1005, nil)}, 1},
			"no data":            {[][]byte{tcpPacket(v6, 5, ack, nil, nil), next(5, nil)}, 1},
			"another port":       {[][]byte{next(5, nil), next(1005, func(_, tcp []byte) { tcp[1]++ })}, 1},
			"another ack":        {[][]byte{next(5, nil), next(1005, func(_, tcp []byte) { tcp[11]++ })}, 1},
			"another window":     {[][]byte{next(5, nil), next(1005, func(_, tcp []byte) { tcp[15]++ })}, 1},
			"other options":      {[][]byte{next(5, nil), next(1005, func(_, tcp []byte) { tcp[31]++ })}, 1},
			"another address":    {[][]byte{next(5, nil), next(1005, func(ip, _ []byte) { ip[15]++ })}, 1},
			"congestion":         {[][]byte{next(5, nil), next(1005, func(ip, _ []byte) { ip[1] |= 0x30 })}, 1},
			"UDP":                {[][]byte{next(5, nil), next(1005, func(ip, _ []byte) { ip[6], ip[9] = 17, 17 })}, 1},
			"the other IP":       {[][]byte{next(5, nil), tcpPacket(!v6, 1005, ack, kilo, nil)}, 1},
			"cut":                {[][]byte{next(5, nil), next(1005, nil)[:gap+30]}, 1},
			"empty":              {[][]byte{next(5, nil), make([]byte, gap)}, 1},
			"empty at first":     {[][]byte{make([]byte, gap), next(5, nil)}, 1},
			"an odd data offset": {[][]byte{next(5, nil), next(1005, func(_, tcp []byte) { tcp[12] = 0xf0 })}, 1},
			"as many as fit":     {long, 65},
		} {
			if got := gather(c.batch, gap); got.count != c.want {
				t.Errorf("IPv6 %v, %s: %d packets gathered, not %d", v6, name, got.count, c.want)
			}
		}
	}
	if got := gather([][]byte{
		tcpPacket(false, 5, ack, kilo, nil),
		tcpPacket(false, 1005, ack, kilo, func(ip, _ []byte) { ip[6] |= 0x20 }), // more fragments
	}, gap); got.count != 1 {
		t.Error("a fragment was gathered")
	}
}

// TestGatheredStream cuts a text into segments and batches by chance: joined,
// it is the same text, in packets that are what they say.
func TestGatheredStream(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		text := make([]byte, rnd.IntN(300_000))
		for i := range text {
			text[i] = byte(rnd.Uint32())
		}
		mss := 500 + rnd.IntN(9000)
		v6 := rnd.IntN(2) == 0
		var packets [][]byte
		for at := 0; at < len(text); {
			n := min(mss, len(text)-at)
			flags := header.TCPFlags(header.TCPFlagAck)
			if rnd.IntN(20) == 0 {
				n, flags = 1+rnd.IntN(n), flags|header.TCPFlagPsh
			}
			packets = append(packets, tcpPacket(v6, uint32(at), flags, text[at:at+n], nil))
			at += n
		}
		var got []byte
		for rest := packets; len(rest) > 0; {
			r := gather(rest[:min(len(rest), 1+rnd.IntN(128))], gap)
			last := rest[r.count-1][gap:]
			rest = rest[r.count:]
			whole := r.view().AsSlice()
			s := segmentOf(whole)
			if s.tcp == 0 || s.size != len(whole) || s.seq != uint32(len(got)) || pushes(whole, s) != pushes(last, s) {
				t.Fatalf("%d packets were joined to %+v of %d bytes", r.count, s, len(whole))
			}
			got = append(got, whole[s.tcp:]...)
		}
		if !bytes.Equal(got, text) {
			t.Fatalf("%d bytes became %d, or others", len(text), len(got))
		}
	}
}

// FuzzGather gives it any two packets: no byte is lost or made.
func FuzzGather(f *testing.F) {
	for _, v6 := range []bool{false, true} {
		f.Add(tcpPacket(v6, 5, header.TCPFlagAck, []byte("hello"), nil)[gap:], tcpPacket(v6, 10, header.TCPFlagAck, []byte("world"), nil)[gap:])
	}
	f.Add([]byte{0x45}, []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > maxGathered || len(b) > maxGathered {
			return
		}
		batch := [][]byte{append(make([]byte, gap), a...), append(make([]byte, gap), b...)}
		r := gather(batch, gap)
		_, ip := r.protocol()
		v := r.view()
		defer v.Release()
		whole := v.AsSlice()
		switch {
		case r.count == 1:
			if !bytes.Equal(whole, a) {
				t.Error("a packet alone was changed")
			}
		case r.count != 2 || !ip || len(whole) > maxGathered:
			t.Errorf("%d of two were gathered to %d bytes", r.count, len(whole))
		default:
			s := segmentOf(whole)
			if s.tcp == 0 || len(whole) != len(a)+len(b)-s.tcp || binary.BigEndian.Uint16(whole[s.ip:]) != binary.BigEndian.Uint16(a[s.ip:]) || !bytes.HasSuffix(whole, b[s.tcp:]) {
				t.Errorf("joined to %x", whole)
			}
		}
	})
}
