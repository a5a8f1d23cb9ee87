package broker_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
	"warren/session/broker"
	"warren/session/sessiontest"
)

// TestAnswerMatrix: the technician's node takes nothing but the device's own
// answer to its own offer.
func TestAnswerMatrix(t *testing.T) {
	p := sessiontest.NewPair(t, echo{})
	var before *warrenv1.OpenResponse
	resign := func(change func(*warrenv1.Answer), keys ...ed25519.PrivateKey) func(*warrenv1.OpenResponse) {
		return func(r *warrenv1.OpenResponse) {
			var m warrenv1.Answer
			if err := proto.Unmarshal(r.Answer.Payload, &m); err != nil {
				t.Error(err)
			}
			change(&m)
			if keys == nil {
				keys = []ed25519.PrivateKey{p.DeviceKey.Signer()}
			}
			s, err := identity.Sign(identity.TypeAnswer, &m, keys...)
			if err != nil {
				t.Error(err)
			}
			r.Answer = s
		}
	}
	same := func(*warrenv1.Answer) {}
	for name, spoil := range map[string]func(*warrenv1.OpenResponse){
		"none":                     func(r *warrenv1.OpenResponse) { r.Answer = nil },
		"the one before":           func(r *warrenv1.OpenResponse) { r.Answer = before.Answer },
		"signed by the technician": resign(same, p.TechnicianKey),
		"signed by two":            resign(same, p.DeviceKey.Signer(), p.TechnicianKey),
		"to another offer":         resign(func(m *warrenv1.Answer) { m.Offer[0] ^= 1 }),
		"to no offer":              resign(func(m *warrenv1.Answer) { m.Offer = nil }),
		"for another verb":         resign(func(m *warrenv1.Answer) { m.Verb = "shell" }),
		"for another user":         resign(func(m *warrenv1.Answer) { m.OsUser = "root" }),
		"with md5's fingerprint":   resign(func(m *warrenv1.Answer) { m.Fingerprint = m.Fingerprint[:16] }),
		"with two fingerprints":    resign(func(m *warrenv1.Answer) { m.Fingerprint = bytes.Repeat(m.Fingerprint, 2) }),
		"with no fingerprint":      resign(func(m *warrenv1.Answer) { m.Fingerprint = nil }),
		"with an altered payload":  func(r *warrenv1.OpenResponse) { r.Answer.Payload[len(r.Answer.Payload)-1] ^= 1 },
		"with an altered signature": func(r *warrenv1.OpenResponse) {
			r.Answer.Signatures[0].Signature[5] ^= 1
		},
		"as an offer":       func(r *warrenv1.OpenResponse) { r.Answer.Type = string(identity.TypeOffer) },
		"without transport": func(r *warrenv1.OpenResponse) { r.Transport = nil },
		"with a candidate outside": func(r *warrenv1.OpenResponse) {
			r.Transport.Candidates = []string{"192.0.2.1:1"}
		},
	} {
		if before == nil {
			cfg := p.Config("echo", "guest", nil)
			cfg.Signal = spoiler{p, func(r *warrenv1.OpenResponse) { before = proto.Clone(r).(*warrenv1.OpenResponse) }}
			c, err := broker.Dial(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
		cfg := p.Config("echo", "guest", nil)
		cfg.Signal = spoiler{p, spoil}
		c, err := broker.Dial(t.Context(), cfg)
		if !errors.Is(err, session.ErrNoAnswer) {
			t.Errorf("an answer %s gave %v", name, err)
		}
		if c != nil {
			t.Errorf("an answer %s gave a connection", name)
		}
	}
}

// spoiler alters answers on their way.
type spoiler struct {
	*sessiontest.Pair
	spoil func(*warrenv1.OpenResponse)
}

func (s spoiler) Open(ctx context.Context, r *warrenv1.OpenRequest) (*warrenv1.OpenResponse, error) {
	answer, err := s.Pair.Open(ctx, r)
	if err == nil {
		s.spoil(answer)
	}
	return answer, err
}
