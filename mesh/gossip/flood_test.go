package gossip

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestFlood: one who sends without measure is cut short, and the pool does not
// notice.
func TestFlood(t *testing.T) {
	simulate(t, 6, 27, func(t *testing.T, f *fleet) {
		for i := range 5 {
			f.start(i)
		}
		evil := f.attacker(5)
		f.calm(30*time.Second, 5)
		junk := f.endpointsOf(5, 1, false)
		junk.Signatures[0].Signature[0] ^= 1
		for i := range 100 {
			for range 100 { // 1,000 a second
				junk.Payload[len(junk.Payload)-1]++
				evil.packet(0, append([]byte{kindUser}, appendStatements(nil, encoded(t, junk))...))
			}
			if i%10 == 0 {
				go evil.stream(0, append([]byte{kindPushPull, 0x83}, make([]byte, 100)...))
			}
			time.Sleep(100 * time.Millisecond)
			if f.machines[0].online() != 4 {
				t.Fatalf("machine 0 sees %d online", f.machines[0].online())
			}
		}
		s := f.machines[0].pool.Stats()
		if s.Limited == 0 || s.Merged > 0 {
			t.Errorf("%+v", s)
		}
		t.Logf("of 10,000 packets %d were cut; merge was asked %d times", s.Limited, s.Refused)
	})
}

// TestBombs: a few bytes that claim to be many are refused before anything is
// set aside for them.
func TestBombs(t *testing.T) {
	simulate(t, 4, 28, func(t *testing.T, f *fleet) {
		for i := range 3 {
			f.start(i)
		}
		evil := f.attacker(3)
		f.calm(30*time.Second, 3)
		head := func(nodes, state uint64) []byte {
			var p packer
			p.begin(kindPushPull, 3)
			p.number("Nodes", nodes)
			p.number("UserStateLen", state)
			p.flag("Join", true)
			return p
		}
		user := func(n uint64) []byte {
			var p packer
			p.begin(kindUser, 1)
			p.number("UserMsgLen", n)
			return p
		}
		deep := append([]byte{kindPushPull}, bytes.Repeat([]byte{0x91}, 1<<20)...)
		bombs := [][]byte{
			head(1<<20, 0), head(1, 20<<20), user(20 << 20), deep,
			append([]byte{9}, bytes.Repeat([]byte{0xff}, 1000)...), // compressed
			append([]byte{10}, 0, 0xff, 0xff, 0xff),                // encrypted
			{kindPing, 0xdf, 0xff, 0xff, 0xff, 0xff},               // a map of 2^32
			{kindPing, 0x81, 0xdb, 0xff, 0xff, 0xff, 0xff},         // a key of 2^32
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		before := m.TotalAlloc
		for _, b := range bombs {
			if answer := evil.stream(0, b); len(answer) > 0 {
				t.Errorf("%.10x was answered", b)
			}
		}
		runtime.ReadMemStats(&m)
		if used := m.TotalAlloc - before; used > 16<<20 {
			t.Errorf("%d bytes were set aside", used)
		}
		if f.machines[0].online() != 2 {
			t.Errorf("machine 0 sees %d online", f.machines[0].online())
		}
	})
}

// TestMalformed: packets at random, and genuine ones spoilt at random, crash
// nobody and bring no phantom into the list: the library alone took in a
// member without a name.
func TestMalformed(t *testing.T) {
	total := 100000
	if testing.Short() {
		total = 5000
	}
	simulate(t, 6, 29, func(t *testing.T, f *fleet) {
		r := f.record()
		for i := range 5 {
			f.start(i)
		}
		evil := f.attacker(5)
		f.calm(30*time.Second, 5)
		f.machines[1].say(f.endpointsOf(1, 1, false))
		time.Sleep(30 * time.Second)
		f.net.mu.Lock()
		f.net.tap = nil
		f.net.mu.Unlock()
		draw := rand.New(rand.NewPCG(f.seed, 2))
		for sent := 0; sent < total; {
			for range 45 { // to each of five, within what one peer may send
				b := spoil(draw, r.seen[draw.IntN(len(r.seen))], sent%2 == 0)
				for to := range 5 {
					f.net.send(evil.at(), f.mesh.Address(f.ids[to]), b)
					sent++
				}
			}
			if draw.IntN(20) == 0 {
				go evil.stream(draw.IntN(5), spoil(draw, r.seen[draw.IntN(len(r.seen))], true)[2+32:])
			}
			time.Sleep(500 * time.Millisecond)
			for _, m := range f.machines[:5] {
				for _, p := range m.pool.Picture() {
					if !slices.Contains(f.ids, p.ID) || p.ID == f.ids[5] && p.Online {
						t.Fatalf("machine %d lists %+v", m.n, p)
					}
				}
			}
		}
		time.Sleep(10 * time.Second)
		s := f.machines[0].pool.Stats()
		t.Logf("%d sent; machine 0: %+v", total, s)
		if f.calm(30*time.Second, 5) > 0 {
			t.Log("somebody was away at the end of it")
		}
		if s.Malformed < uint64(total/5/4) {
			t.Errorf("only %d were found malformed", s.Malformed)
		}
	})
}

// spoil makes a packet that begins well and goes wrong: bits of a genuine one
// flipped, cut, doubled, or bytes at random; the checksum is made good.
func spoil(draw *rand.Rand, genuine []byte, flip bool) []byte {
	const head = 2 + 32
	b := bytes.Clone(genuine)
	body := b[head:]
	if len(body) > 5 && body[0] == kindCRC {
		body = body[5:]
	}
	body = bytes.Clone(body)
	switch {
	case flip:
		for range 1 + draw.IntN(4) {
			body[draw.IntN(len(body))] ^= 1 << draw.IntN(8)
		}
	case draw.IntN(3) == 0:
		body = body[:draw.IntN(len(body))]
	case draw.IntN(2) == 0:
		body = append(body, body[draw.IntN(len(body)):]...)
	default:
		body = make([]byte, 1+draw.IntN(1000))
		for i := range body {
			body[i] = byte(draw.Uint32())
		}
		body[0] = byte(draw.IntN(16))
	}
	out := bytes.Clone(b[:head])
	if draw.IntN(2) == 0 {
		out = append(out, kindCRC)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	}
	return append(out, body...)
}
