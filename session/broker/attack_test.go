package broker

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
)

// listening is a kind that tells when it is reached.
type listening struct{ reached chan struct{} }

func (listening) Verb() string { return "listening" }

func (k listening) Serve(ctx context.Context, s session.Stream, _ session.Request) error {
	close(k.reached)
	_, err := s.Receive(ctx)
	return err
}

// middle stands between technician and device, carries hello and offer, and
// puts its own transport in place of theirs.
type middle struct {
	t      *testing.T
	broker *Broker
	from   identity.NodeID
	hub    *Hub
	both   bool // towards the device too

	results chan error
}

func (m *middle) Hello(ctx context.Context, r *warrenv1.HelloRequest) (*warrenv1.HelloResponse, error) {
	return m.broker.Hello(ctx, m.from, r)
}

func (m *middle) Open(ctx context.Context, r *warrenv1.OpenRequest) (*warrenv1.OpenResponse, error) {
	toDevice, toTechnician := newHalf(m.t, m.hub), newHalf(m.t, m.hub)
	technician, err := decodeTransport(r.GetTransport(), loopback)
	if err != nil {
		m.t.Error(err)
	}
	if m.both {
		r = &warrenv1.OpenRequest{Offer: r.Offer, Transport: toDevice.own.encode()}
	}
	answer, err := m.broker.Open(ctx, m.from, r)
	if err != nil {
		m.t.Error(err)
		return nil, err
	}
	device, err := decodeTransport(answer.GetTransport(), loopback)
	if err != nil {
		m.t.Error(err)
	}
	var offered warrenv1.Offer
	var answered warrenv1.Answer
	if err := errors.Join(proto.Unmarshal(r.Offer.Payload, &offered), proto.Unmarshal(answer.Answer.Payload, &answered)); err != nil {
		m.t.Error(err)
	}
	// It believes both certificates, as a thief does who wants in.
	go func() {
		m.results <- toTechnician.link.establish(ctx, roleDevice, peer{technician, [32]byte(offered.Fingerprint)})
	}()
	if m.both {
		go func() {
			m.results <- toDevice.link.establish(ctx, roleTechnician, peer{device, [32]byte(answered.Fingerprint)})
		}()
	}
	return &warrenv1.OpenResponse{Answer: answer.Answer, Transport: toTechnician.own.encode()}, nil
}

// TestMiddle: whoever swaps the unsigned transport gets ICE to connect to
// itself, and no further: neither side accepts its certificate.
func TestMiddle(t *testing.T) {
	for name, both := range map[string]bool{"towards the technician": false, "towards both": true} {
		t.Run(name, func(t *testing.T) {
			kind := listening{make(chan struct{})}
			node, err := identity.NewNodeKey()
			if err != nil {
				t.Fatal(err)
			}
			_, technician, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			public, _ := technician.Public().(ed25519.PublicKey)
			mesh, from := identity.MeshID{1}, identity.NodeID{2}
			b, err := New(Config{Key: node, Mesh: mesh, Hub: newTestHub(t), Kinds: []session.Kind{kind}})
			if err != nil {
				t.Fatal(err)
			}
			b.Apply(session.Plan{
				Mesh: mesh, Self: node.ID(), Technicians: []session.Technician{{Key: public, Node: from}},
				Grants: []session.Grant{{Technician: public, Verbs: []string{"*"}, Users: []string{"*"}}},
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			done := make(chan error, 1)
			running, stop := context.WithCancel(t.Context())
			go func() { done <- b.Run(running) }()
			m := &middle{t: t, broker: b, from: from, hub: newTestHub(t), both: both, results: make(chan error, 2)}
			c, err := Dial(ctx, DialConfig{
				Key: technician, Node: from, Mesh: mesh, Device: node.ID(), DeviceKey: node.Public(),
				Verb: "listening", OSUser: "guest", Hub: newTestHub(t), Signal: m,
			})
			if c != nil || !errors.Is(err, session.ErrUnreachable) {
				t.Errorf("the technician got %v, %v", c, err)
			}
			if err := <-m.results; err == nil {
				t.Error("the thief is connected")
			}
			if both {
				if err := <-m.results; err == nil {
					t.Error("the thief is connected to the device")
				}
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			select {
			case <-kind.reached:
				t.Error("the kind was reached")
			default:
			}
		})
	}
}

// TestWrongFingerprint: a link to another certificate than was signed does not
// open, whichever side sees it.
func TestWrongFingerprint(t *testing.T) {
	th, dh := newTestHub(t), newTestHub(t)
	for name, wrong := range map[string]role{"shown by the device": roleTechnician, "shown by the technician": roleDevice} {
		a, b := newHalf(t, th), newHalf(t, dh)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		forA, forB := peer{b.own, b.cert.fingerprint}, peer{a.own, a.cert.fingerprint}
		if wrong == roleTechnician {
			forA.fingerprint[31] ^= 1
		} else {
			forB.fingerprint[31] ^= 1
		}
		done := make(chan error, 1)
		go func() { done <- b.link.establish(ctx, roleDevice, forB) }()
		errA := a.link.establish(ctx, roleTechnician, forA)
		if errA == nil {
			// A DTLS server is done before it knows what the client thinks of
			// its certificate; it must not get further than that.
			errA = ctx.Err()
		}
		if errB := <-done; errA == nil || errB == nil {
			t.Errorf("%s: %v, %v", name, errA, errB)
		}
		cancel()
	}
}

// TestFingerprintText: there is one fingerprint, it is SHA-256, and its text
// comes from 32 signed bytes. No SDP is written or read anywhere.
func TestFingerprintText(t *testing.T) {
	cert, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	prints, err := cert.webrtc.GetFingerprints()
	if err != nil || len(prints) != 1 || prints[0].Algorithm != "sha-256" || prints[0].Value != colons(cert.fingerprint) {
		t.Errorf("pion says %v, %v; we say %s", prints, err, colons(cert.fingerprint))
	}
}
