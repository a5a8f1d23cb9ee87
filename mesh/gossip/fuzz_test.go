package gossip

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"warren/mesh"
	"warren/mesh/identity"
)

// FuzzMeta reads foreign bytes as a meta, and signs them so as to get past the
// signature. What passes is within bounds.
func FuzzMeta(f *testing.F) {
	k := testKey(1, 1)
	var mesh identity.MeshID
	f.Add(seal(k, mesh, meta{Told: Told{Head: headOf(3), Roles: Device}, counter: 7, ceiling: 300}))
	f.Add(seal(k, mesh, meta{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, key, err := decodeMeta(b)
		if _, err := openMeta(mesh, b); err == nil && m.node != identity.NodeIDOf(key) {
			t.Fatalf("%x passed", b)
		}
		if err != nil {
			if !errors.Is(err, errMeta) {
				t.Fatalf("error %v", err)
			}
			return
		}
		again := seal(k, mesh, m)
		if len(again) > MaxMeta {
			t.Fatalf("%d bytes", len(again))
		}
		back, err := openMeta(mesh, again)
		if err != nil || back.Told != m.Told || back.counter != m.counter || back.ceiling != m.ceiling {
			t.Fatalf("%+v came back as %+v: %v", m, back, err)
		}
	})
}

// FuzzSummary reads foreign bytes as the state of a push/pull.
func FuzzSummary(f *testing.F) {
	f.Add(summary{}.encode())
	f.Add(summary{
		facts: map[subject]uint64{{1}: 4, {2}: 9}, recent: map[subject]bool{{3}: true}, revoked: 1, revocations: [16]byte{5},
	}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSummary(b)
		if err != nil {
			return
		}
		if len(s.facts) > maxFacts || len(s.recent) > maxRecent {
			t.Fatalf("%d facts, %d recent", len(s.facts), len(s.recent))
		}
		again, err := decodeSummary(s.encode())
		if err != nil || again.digest() != s.digest() || again.revoked != s.revoked || len(again.recent) != len(s.recent) {
			t.Fatalf("it did not come back: %v", err)
		}
	})
}

// FuzzStatements reads foreign bytes as a message with statements.
func FuzzStatements(f *testing.F) {
	fl := newFleet(f, 2, 1)
	f.Add(appendStatements(nil))
	f.Add(appendStatements(nil, encoded(f, fl.keysOf(0)), encoded(f, fl.endpointsOf(1, 3, false))))
	f.Add(appendStatements(nil, encoded(f, fl.revocation(1))))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := decodeStatements(b)
		if err != nil {
			return
		}
		if len(list) > maxStatements {
			t.Fatalf("%d statements", len(list))
		}
		var parts [][]byte
		for _, s := range list {
			if !travels(s) {
				t.Fatalf("type %q", s.GetType())
			}
			_, _, _ = glance(s)
			parts = append(parts, encoded(t, s))
		}
		if again, err := decodeStatements(appendStatements(nil, parts...)); err == nil && len(again) != len(list) {
			t.Fatalf("%d came back as %d", len(list), len(again))
		}
	})
}

// fuzzGuard stands before a roster of three, of which 1 is the sender.
func fuzzGuard(t testing.TB) (*guard, *fleet) {
	fl := newFleet(t, 3, 1)
	r := newRoster(fl.ids[0], fl.mesh, func(id identity.NodeID) bool { return slices.Contains(fl.ids, id) })
	r.urgent, r.notice = func() {}, func(Event) {}
	r.expel, r.heard = func(identity.NodeID, uint32) {}, func(identity.NodeID) {}
	r.apply(fl.ids)
	r.renew(fl.keys[0], Told{}, epoch())
	g := &guard{roster: r, mesh: fl.mesh, label: string(fl.mesh[:]), port: mesh.GossipPort, stats: &counters{}}
	g.nack = func(identity.NodeID, uint32) {}
	return g, fl
}

func seeds(fl *fleet) [][]byte {
	raw := seal(fl.keys[1], fl.mesh, meta{counter: 1, ceiling: 300})
	var ping packer
	ping.begin(kindPing, 5)
	ping.number("SeqNo", 70000)
	ping.text("Node", []byte(fl.ids[0].String()))
	ping.text("SourceAddr", fl.mesh.Address(fl.ids[1]).AsSlice())
	ping.number("SourcePort", mesh.GossipPort)
	ping.text("SourceNode", []byte(fl.ids[1].String()))
	alive := packAlive(fl.ids[1], fl.mesh, 2, raw, versions())
	dead := packAccusation(kindDead, 2, fl.ids[1], fl.ids[2])
	compound := []byte{kindCompound, 3, 0, byte(len(ping)), byte(len(alive) >> 8), byte(len(alive)), 0, byte(len(dead))}
	compound = append(compound, bytes.Join([][]byte{ping, alive, dead}, nil)...)
	return [][]byte{ping, alive, dead, compound, {kindUser, 1}, {kindAck, 0x80}}
}

// FuzzPacket gives the guard foreign packets. What it lets through it lets
// through again unchanged: it is in the one form the library gets to see.
func FuzzPacket(f *testing.F) {
	_, fl := fuzzGuard(f)
	for _, b := range seeds(fl) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, fl := fuzzGuard(t)
		out, err := g.packet(fl.ids[1], append(g.labelled(), b...))
		if err != nil || out == nil {
			return
		}
		parts, err := split(out[2+len(g.label):])
		if err != nil {
			t.Fatalf("what came out: %v", err)
		}
		for _, p := range parts {
			if p[0] == kindUser {
				continue
			}
			m, err := readMessage(bytes.NewReader(p[1:]))
			if err != nil {
				t.Fatalf("what came out: %v", err)
			}
			if p[0] != kindAck && p[0] != kindNack && !slices.ContainsFunc(fl.ids, func(id identity.NodeID) bool { return id.String() == m.node }) {
				t.Fatalf("a message of type %d names %q", p[0], m.node)
			}
			again, err := g.part(fl.ids[1], p)
			// A second voice makes a suspicion a death; the rest stays.
			if p[0] != kindSuspect && p[0] != kindDead && (err != nil || !bytes.Equal(again, p)) {
				t.Fatalf("%x became %x: %v", p, again, err)
			}
		}
	})
}

// FuzzStream gives the guard foreign streams, as of one who dialled and of one
// who answers.
func FuzzStream(f *testing.F) {
	_, fl := fuzzGuard(f)
	for _, b := range seeds(fl) {
		f.Add(b)
	}
	var entry packer
	entry.begin(kindPushPull, 3)
	entry.number("Nodes", 1)
	entry.number("UserStateLen", 2)
	entry.flag("Join", true)
	entry.fields(7)
	entry.text("Name", []byte(fl.ids[1].String()))
	entry.text("Addr", fl.mesh.Address(fl.ids[1]).AsSlice())
	entry.number("Port", mesh.GossipPort)
	entry.text("Meta", seal(fl.keys[1], fl.mesh, meta{counter: 1, ceiling: 300}))
	entry.number("Incarnation", 2)
	entry.number("State", stateAlive)
	entry.text("Vsn", versions())
	f.Add([]byte(append(entry, 1, 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, fl := fuzzGuard(t)
		in := append(g.labelled(), b...)
		out, err := g.inbound(fl.ids[1], bounded(bytes.NewReader(in)))
		if err == nil && len(out) > len(in)+1024 {
			t.Fatalf("%d bytes became %d", len(in), len(out))
		}
		answer, err := g.response(fl.ids[1], bufio.NewReader(bytes.NewReader(b)))
		if err == nil && len(answer) > len(b)+1024 {
			t.Fatalf("%d bytes became %d", len(b), len(answer))
		}
		if _, err := readMessage(bytes.NewReader(b)); err != nil && !errors.Is(err, errMalformed) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("error %v", err)
		}
	})
}
