package broker

import (
	"errors"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/scripts/soak/faulttest"
	"warren/session"
)

// TestFaultS05Answers: the technician's node takes no answer of which a bit
// was flipped, whose fields come from another answer, or that was given to
// another offer.
func TestFaultS05Answers(t *testing.T) {
	run := faulttest.Begin(t, "S-05-answers")
	device, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	technician, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	pair := func(fingerprint byte) (offer, *warrenv1.Statement) {
		t.Helper()
		o := offer{
			mesh: identity.MeshID{1}, session: session.NewID(), technician: technician.Public(), node: identity.NodeID{2},
			device: device.ID(), verb: "shell", user: "guest", reason: "test", request: []byte("x"), time: time.Now(),
		}
		if o.statement, err = o.sign(technician.Signer()); err != nil {
			t.Fatal(err)
		}
		s, err := signAnswer(o, [32]byte{fingerprint}, device, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return o, s
	}
	tried := 0
	refused := func(what string, s *warrenv1.Statement, o offer) {
		t.Helper()
		tried++
		if _, err := openAnswer(s, o, device.Public()); !errors.Is(err, session.ErrNoAnswer) {
			t.Errorf("%s: %v", what, err)
		}
	}

	for range run.Pick(1, 20) {
		o, s := pair(1)
		if _, err := openAnswer(s, o, device.Public()); err != nil {
			t.Fatal(err)
		}
		for name, part := range map[string][]byte{
			"payload": s.Payload, "signature": s.Signatures[0].Signature, "key": s.Signatures[0].Key,
		} {
			for bit := range 8 * len(part) {
				part[bit/8] ^= 1 << (bit % 8)
				refused(name+" with a bit flipped", s, o)
				part[bit/8] ^= 1 << (bit % 8)
			}
		}
		other, answer := pair(2)
		refused("an answer to another offer", answer, o)
		refused("an answer to another offer", s, other)
		answer.Signatures, s.Signatures = s.Signatures, answer.Signatures
		refused("another's signature", answer, other)
		refused("another's signature", s, o)
	}
	run.Figure("tried", tried)
}
