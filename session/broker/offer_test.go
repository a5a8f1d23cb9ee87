package broker_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
	"warren/session/broker"
	"warren/session/sessiontest"
)

// echo sends back what it gets.
type echo struct{}

func (echo) Verb() string { return "echo" }

func (echo) Serve(ctx context.Context, s session.Stream, _ session.Request) error {
	for {
		m, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		if err := s.Send(ctx, m); err != nil {
			return err
		}
	}
}

// clock is a device's clock that the test moves.
type clock struct {
	start time.Time
	moved atomic.Int64
}

func newClock() *clock { return &clock{start: time.Now()} }

func (c *clock) now() time.Time          { return c.start.Add(time.Duration(c.moved.Load())) }
func (c *clock) advance(d time.Duration) { c.moved.Add(int64(d)) }

// offers makes offers as a technician's node does, and spoils them.
type offers struct {
	*sessiontest.Pair
	clock *clock
	t     *testing.T
}

func newOffers(t *testing.T) offers {
	c := newClock()
	return offers{sessiontest.NewPairWith(t, func(cfg *broker.Config) { cfg.Now = c.now }, echo{}), c, t}
}

// fresh is an offer with a new nonce that stands up.
func (o offers) fresh() *warrenv1.Offer {
	o.t.Helper()
	key, _ := o.TechnicianKey.Public().(ed25519.PublicKey)
	hello, err := o.Hello(o.t.Context(), &warrenv1.HelloRequest{Technician: key})
	if err != nil {
		o.t.Fatal(err)
	}
	id, device := session.NewID(), o.DeviceKey.ID()
	return &warrenv1.Offer{
		Mesh: o.Mesh[:], Session: id[:], Technician: key, TechnicianNode: o.TechnicianNode[:], Device: device[:],
		Nonce: hello.GetNonce(), Fingerprint: make([]byte, 32), Verb: "echo", OsUser: "guest", Reason: "test",
		Request: []byte("x"), Time: time.Now().UnixMilli(),
	}
}

func (o offers) sign(m *warrenv1.Offer, keys ...ed25519.PrivateKey) *warrenv1.Statement {
	o.t.Helper()
	if keys == nil {
		keys = []ed25519.PrivateKey{o.TechnicianKey}
	}
	s, err := identity.Sign(identity.TypeOffer, m, keys...)
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

func transport() *warrenv1.Transport {
	return &warrenv1.Transport{
		Ufrag: "c0000001" + strings.Repeat("0", 16), Password: strings.Repeat("0", 32), Candidates: []string{"127.0.0.1:9"},
	}
}

func (o offers) open(s *warrenv1.Statement) error {
	_, err := o.Open(o.t.Context(), &warrenv1.OpenRequest{Offer: s, Transport: transport()})
	return err
}

// refused wants the generic refusal outside and the exact reason inside.
func (o offers) refused(name string, s *warrenv1.Statement) {
	o.t.Helper()
	o.refusedAs(name, o.open(s))
}

func (o offers) refusedAs(name string, err error) {
	o.t.Helper()
	if err != session.ErrRefused { //nolint:errorlint // nothing may be wrapped around it
		o.t.Errorf("%s: got %v, want the generic refusal", name, err)
	}
	events := o.Events()
	if last := events[len(events)-1]; last.Kind != broker.OfferRefused || last.Err == nil || errors.Is(last.Err, session.ErrRefused) {
		o.t.Errorf("%s: the audit was told %v, want the reason", name, last.Err)
	}
	if live := o.Broker.Sessions(); len(live) > 0 {
		o.t.Fatalf("%s: a session is live: %+v", name, live)
	}
	o.clock.advance(2 * time.Minute) // past the count of failures
}

func key(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestOfferMatrix is S-05: whatever is not exactly right is refused by the
// device.
func TestOfferMatrix(t *testing.T) {
	o := newOffers(t)
	stranger, other := key(t), make([]byte, 32)
	rand.Read(other)
	strangerKey, _ := stranger.Public().(ed25519.PublicKey)

	for name, spoil := range map[string]func(*warrenv1.Offer){
		"another mesh":        func(m *warrenv1.Offer) { m.Mesh = other },
		"no mesh":             func(m *warrenv1.Offer) { m.Mesh = nil },
		"another device":      func(m *warrenv1.Offer) { m.Device = other[:16] },
		"another node":        func(m *warrenv1.Offer) { m.TechnicianNode = other[:16] },
		"the device's node":   func(m *warrenv1.Offer) { m.TechnicianNode = m.Device },
		"a made-up nonce":     func(m *warrenv1.Offer) { m.Nonce = other },
		"a zero nonce":        func(m *warrenv1.Offer) { m.Nonce = make([]byte, 32) },
		"no nonce":            func(m *warrenv1.Offer) { m.Nonce = nil },
		"another technician":  func(m *warrenv1.Offer) { m.Technician = strangerKey },
		"md5's fingerprint":   func(m *warrenv1.Offer) { m.Fingerprint = make([]byte, 16) },
		"sha-1's fingerprint": func(m *warrenv1.Offer) { m.Fingerprint = make([]byte, 20) },
		"two fingerprints":    func(m *warrenv1.Offer) { m.Fingerprint = make([]byte, 64) },
		"no fingerprint":      func(m *warrenv1.Offer) { m.Fingerprint = nil },
		"no session id":       func(m *warrenv1.Offer) { m.Session = nil },
		"no verb":             func(m *warrenv1.Offer) { m.Verb = "" },
		"a wildcard verb":     func(m *warrenv1.Offer) { m.Verb = "*" },
		"a long verb":         func(m *warrenv1.Offer) { m.Verb = strings.Repeat("a", 33) },
		"a user with a colon": func(m *warrenv1.Offer) { m.OsUser = "a:b" },
		"a user like a path":  func(m *warrenv1.Offer) { m.OsUser = "../a" },
		"a user like an option": func(m *warrenv1.Offer) {
			m.OsUser = "-a"
		},
		"a long reason":  func(m *warrenv1.Offer) { m.Reason = strings.Repeat("a", 257) },
		"a long request": func(m *warrenv1.Offer) { m.Request = make([]byte, 49<<10) },
		"an unknown field": func(m *warrenv1.Offer) {
			m.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
		},
	} {
		m := o.fresh()
		spoil(m)
		o.refused(name, o.sign(m))
	}

	o.refused("nothing", nil)
	o.refused("an empty statement", &warrenv1.Statement{})
	o.refused("signed by a stranger", o.sign(o.fresh(), stranger))
	o.refused("signed by the device", o.sign(o.fresh(), o.DeviceKey.Signer()))
	o.refused("signed by a second person too", o.sign(o.fresh(), o.TechnicianKey, stranger))
	unsigned := o.sign(o.fresh())
	unsigned.Signatures = nil
	o.refused("not signed", unsigned)
	asAnswer, err := identity.Sign(identity.TypeAnswer, o.fresh(), o.TechnicianKey)
	if err != nil {
		t.Fatal(err)
	}
	o.refused("signed as an answer", asAnswer)
	asAnswer.Type = string(identity.TypeOffer)
	o.refused("an answer's signature under an offer's type", asAnswer)
	stranded := o.fresh()
	stranded.Technician = strangerKey
	o.refused("a stranger, signed by the stranger", o.sign(stranded, stranger))

	late := o.sign(o.fresh())
	o.clock.advance(61 * time.Second)
	o.refused("a nonce of 61 seconds ago", late)
	o.clock.advance(-2 * time.Minute)
	if err := o.open(o.sign(o.fresh())); err != nil {
		t.Errorf("an offer that stands up: %v", err)
	}
}

// TestOfferTime: the technician's clock decides nothing.
func TestOfferTime(t *testing.T) {
	o := newOffers(t)
	for _, at := range []int64{0, -1, 1 << 60, time.Now().Add(-24 * 365 * 10 * time.Hour).UnixMilli()} {
		m := o.fresh()
		m.Time = at
		if err := o.open(o.sign(m)); err != nil {
			t.Errorf("an offer of %d: %v", at, err)
		}
	}
	m := o.fresh()
	o.clock.advance(59 * time.Second)
	if err := o.open(o.sign(m)); err != nil {
		t.Errorf("a nonce of 59 seconds ago: %v", err)
	}
}

// TestOfferBits flips every bit of a signed offer.
func TestOfferBits(t *testing.T) {
	o := newOffers(t)
	part := func(name string, pick func(*warrenv1.Statement) []byte) {
		for bit := 0; ; bit++ {
			s := o.sign(o.fresh())
			b := pick(s)
			if bit == 8*len(b) {
				return
			}
			b[bit/8] ^= 1 << (bit % 8)
			o.refused(name, s)
		}
	}
	part("payload", func(s *warrenv1.Statement) []byte { return s.Payload })
	part("signature", func(s *warrenv1.Statement) []byte { return s.Signatures[0].Signature })
	part("key", func(s *warrenv1.Statement) []byte { return s.Signatures[0].Key })
}

func TestOfferReplay(t *testing.T) {
	o := newOffers(t)
	m := o.fresh()
	s := o.sign(m)
	if err := o.open(s); err != nil {
		t.Fatal(err)
	}
	id, err := session.ParseID(session.ID(m.Session).String())
	if err != nil || !o.Broker.End(id, "test") {
		t.Fatalf("session %s was not live, %v", id, err)
	}
	o.idle()
	o.refused("the same offer again", s)
	again := o.fresh()
	again.Nonce = m.Nonce
	o.refused("another offer with a used nonce", o.sign(again))

	// A nonce is burnt by the first offer that shows it, stand up or not.
	burnt := o.fresh()
	o.refused("signed by a stranger", o.sign(burnt, key(t)))
	o.clock.advance(-2 * time.Minute)
	o.refused("the right signature after a wrong one", o.sign(burnt))

	live := o.fresh()
	if err := o.open(o.sign(live)); err != nil {
		t.Fatal(err)
	}
	twin := o.fresh()
	twin.Session = live.Session
	if err := o.open(o.sign(twin)); err == nil {
		t.Error("a session id was taken twice")
	}
}

// idle waits until no session is live.
func (o offers) idle() {
	o.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); len(o.Broker.Sessions()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatal("sessions are still live")
		}
	}
}

// TestNonceBelongs: a nonce is for the node and technician it was given to.
func TestNonceBelongs(t *testing.T) {
	o := newOffers(t)
	m := o.fresh()
	elsewhere, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	request := &warrenv1.OpenRequest{Offer: o.sign(m), Transport: transport()}
	_, err = o.Broker.Open(t.Context(), elsewhere.ID(), request)
	o.refusedAs("handed in by another node", err)
	o.clock.advance(-2 * time.Minute)
	if err := o.open(o.sign(m)); err != nil { // and it did not burn the nonce
		t.Errorf("the right node after a wrong one: %v", err)
	}
	o.Broker.End(session.ID(m.Session), "test")
	o.idle()

	// A technician's key that was carried to another node: neither the truth
	// nor a lie about the node helps.
	there := elsewhere.ID()
	for name, claimed := range map[string]identity.NodeID{"its own name": there, "the technician's": o.TechnicianNode} {
		hello, err := o.Broker.Hello(t.Context(), there, &warrenv1.HelloRequest{Technician: m.Technician})
		if err != nil {
			t.Fatal(err)
		}
		m := o.fresh()
		m.Nonce, m.TechnicianNode = hello.GetNonce(), claimed[:]
		_, err = o.Broker.Open(t.Context(), there, &warrenv1.OpenRequest{Offer: o.sign(m), Transport: transport()})
		o.refusedAs("another node under "+name, err)
	}
	for _, size := range []int{0, 31, 33} {
		if _, err := o.Hello(t.Context(), &warrenv1.HelloRequest{Technician: make([]byte, size)}); !errors.Is(err, session.ErrRefused) {
			t.Errorf("hello with a key of %d bytes gave %v", size, err)
		}
	}
}

// TestPlanDecides: an offer that stands up still needs a grant, and a known
// technician is told what is missing.
func TestPlanDecides(t *testing.T) {
	o := newOffers(t)
	whole := o.Plan()
	grant := func(verbs, users []string) session.Plan {
		p := whole
		p.Grants = []session.Grant{{Technician: whole.Technicians[0].Key, Verbs: verbs, Users: users}}
		return p
	}
	change := func(f func(*session.Plan)) session.Plan {
		p := o.Plan()
		f(&p)
		return p
	}
	unknown := change(func(p *session.Plan) { p.Technicians = nil })
	moved := change(func(p *session.Plan) { p.Technicians[0].Node = p.Self })
	for name, test := range map[string]struct {
		plan session.Plan
		want session.Cause // 0: the generic refusal
	}{
		"a technician who was revoked":     {unknown, 0},
		"a technician at another node":     {moved, 0},
		"another mesh's plan":              {change(func(p *session.Plan) { p.Mesh[0] ^= 1 }), 0},
		"another node's plan":              {change(func(p *session.Plan) { p.Self[0] ^= 1 }), 0},
		"no grant":                         {change(func(p *session.Plan) { p.Grants = nil }), session.CauseTechnician},
		"another technician's grant":       {change(func(p *session.Plan) { p.Grants[0].Technician = make([]byte, 32) }), session.CauseTechnician},
		"another verb":                     {grant([]string{"files"}, []string{"*"}), session.CauseVerb},
		"another user":                     {grant([]string{"echo"}, []string{"alice"}), session.CauseUser},
		"root is no part of any":           {grant([]string{"echo"}, []string{"root"}), session.CauseUser},
		"any user is not nobody at all":    {grant([]string{"echo"}, []string{"*", "root"}), session.CauseUser},
		"a verb that acts as nobody":       {grant([]string{"echo"}, []string{""}), -1},
		"a verb that the device lacks":     {grant([]string{"*"}, []string{"*"}), session.CauseNoVerb},
		"the right verb and user by names": {grant([]string{"echo"}, []string{"guest"}), -1},
	} {
		o.Broker.Apply(test.plan)
		m := o.fresh()
		if test.want == session.CauseNoVerb {
			m.Verb = "screen"
		}
		if strings.Contains(name, "nobody") {
			m.OsUser = ""
		}
		err := o.open(o.sign(m))
		var refusal *session.Refusal
		switch {
		case test.want == -1:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case test.want == 0:
			if !errors.Is(err, session.ErrRefused) || errors.As(err, &refusal) {
				t.Errorf("%s: %v", name, err)
			}
		case !errors.As(err, &refusal) || refusal.Cause != test.want:
			t.Errorf("%s: got %v, want cause %d", name, err, test.want)
		}
	}
}

// TestFailuresAreCounted: ten offers a minute that do not stand up, and any
// number of those that do.
func TestFailuresAreCounted(t *testing.T) {
	o := newOffers(t)
	for range 30 {
		if err := o.open(o.sign(o.fresh())); err != nil {
			t.Fatal(err)
		}
	}
	stranger := key(t)
	for range 10 {
		if err := o.open(o.sign(o.fresh(), stranger)); !errors.Is(err, session.ErrRefused) {
			t.Fatal(err)
		}
	}
	if _, err := o.Hello(t.Context(), &warrenv1.HelloRequest{Technician: make([]byte, 32)}); !errors.Is(err, session.ErrBusy) {
		t.Errorf("hello after ten failures gave %v", err)
	}
	if err := o.open(nil); !errors.Is(err, session.ErrBusy) {
		t.Errorf("an offer after ten failures gave %v", err)
	}
	// Somebody else's failures are not ours.
	elsewhere, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Broker.Hello(t.Context(), elsewhere.ID(), &warrenv1.HelloRequest{Technician: make([]byte, 32)}); err != nil {
		t.Errorf("another node: %v", err)
	}
	o.clock.advance(time.Minute)
	if err := o.open(o.sign(o.fresh())); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}
