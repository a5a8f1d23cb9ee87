package broker_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/scripts/soak/faulttest"
)

// TestFaultS05Offers: a signed offer of which a bit was flipped, a field was
// taken from another signed offer, or which was used before, is refused by the
// device. The matrices of offer_test.go name the rest.
func TestFaultS05Offers(t *testing.T) {
	run := faulttest.Begin(t, "S-05-offers")
	o := newOffers(t)
	r := run.Rand(0)
	tried := 0

	parts := []func(*warrenv1.Statement) []byte{
		func(s *warrenv1.Statement) []byte { return s.Payload },
		func(s *warrenv1.Statement) []byte { return s.Signatures[0].Signature },
		func(s *warrenv1.Statement) []byte { return s.Signatures[0].Key },
	}
	for range run.Pick(500, 20_000) {
		s := o.sign(o.fresh())
		part := parts[r.IntN(len(parts))](s)
		was := bytes.Clone(part)
		for flips := 1 + r.IntN(3); flips > 0 || bytes.Equal(was, part); flips-- { // two may undo each other
			part[r.IntN(len(part))] ^= byte(1 + r.IntN(255))
		}
		o.refused("bits flipped", s)
		tried++
	}

	fields := (&warrenv1.Offer{}).ProtoReflect().Descriptor().Fields()
	for range run.Pick(2, 100) {
		for i := range fields.Len() {
			mine, other := o.fresh(), o.fresh()
			other.Verb, other.OsUser, other.Reason, other.Request, other.Time = "other", "root", "another", []byte("y"), mine.Time+1
			other.Fingerprint[0], other.Mesh, other.Device = 1, make([]byte, 32), make([]byte, 16)
			other.Technician, other.TechnicianNode = make([]byte, 32), make([]byte, 16)
			mixed := proto.CloneOf(mine)
			mixed.ProtoReflect().Set(fields.Get(i), other.ProtoReflect().Get(fields.Get(i)))
			payload, err := proto.Marshal(mixed)
			if err != nil {
				t.Fatal(err)
			}
			for _, signed := range []*warrenv1.Statement{o.sign(mine), o.sign(other)} {
				signed.Payload = payload
				o.refused("with another's "+string(fields.Get(i).Name()), signed)
				tried++
			}
		}
	}

	for range run.Pick(20, 1000) {
		m := o.fresh()
		s := o.sign(m)
		if err := o.open(s); err != nil {
			t.Fatal(err)
		}
		o.endAll()
		o.refused("the same offer again", s)
		again := o.fresh()
		again.Nonce = m.Nonce
		o.refused("a used nonce", o.sign(again))
		tried += 2
	}
	run.Figure("tried", tried)
}

// endAll ends what is live and waits for it.
func (o offers) endAll() {
	for _, s := range o.Broker.Sessions() {
		o.Broker.End(s.ID, "test")
	}
	o.idle()
}
