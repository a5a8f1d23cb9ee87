package identity_test

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

func offer() *identity.Rendezvous {
	return &identity.Rendezvous{Certificate: [32]byte{5}, TLS: []uint16{443, 8443}, STUN: []uint16{41821, 41822}, Relay: 41823}
}

func TestRendezvousIsStated(t *testing.T) {
	k, id := key(t, 1), mesh(7)
	home := key(t, 2).ID()
	s, err := identity.Endpoints{Public: []string{"hq.example:443"}, Rendezvous: offer(), Home: home, Counter: 3, Time: noon}.Sign(k, id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := identity.OpenEndpoints(s, id)
	if err != nil || !got.Rendezvous.Equal(offer()) || got.Home != home || got.Node != k.ID() || got.Counter != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
	// What would be refused is not signed.
	wrong := &identity.Rendezvous{TLS: []uint16{0, 1, 2, 3, 4, 5}, STUN: []uint16{1, 2, 3}}
	if s, err = (identity.Endpoints{Rendezvous: wrong, Counter: 1}).Sign(k, id); err != nil {
		t.Fatal(err)
	}
	got, err = identity.OpenEndpoints(s, id)
	if err != nil || fmt.Sprint(got.Rendezvous.TLS, got.Rendezvous.STUN) != "[1 2 3 4] [1 2]" || !got.Home.IsZero() {
		t.Errorf("got %+v, %v", got.Rendezvous, err)
	}
	if got, err = identity.OpenEndpoints(endpointsOf(t, k), id); err != nil || got.Rendezvous != nil {
		t.Errorf("a statement without one gives %+v, %v", got.Rendezvous, err)
	}
}

func TestRendezvousRefused(t *testing.T) {
	k, id := key(t, 1), mesh(7)
	for name, spoil := range map[string]func(*warrenv1.Endpoints){
		"no certificate":    func(m *warrenv1.Endpoints) { m.Rendezvous.Certificate = nil },
		"short certificate": func(m *warrenv1.Endpoints) { m.Rendezvous.Certificate = make([]byte, 31) },
		"port 0":            func(m *warrenv1.Endpoints) { m.Rendezvous.Tls = []uint32{0} },
		"port 65536":        func(m *warrenv1.Endpoints) { m.Rendezvous.Stun = []uint32{65536} },
		"relay port 65536":  func(m *warrenv1.Endpoints) { m.Rendezvous.Relay = 65536 },
		"many ports":        func(m *warrenv1.Endpoints) { m.Rendezvous.Tls = []uint32{1, 2, 3, 4, 5} },
		"many STUN ports":   func(m *warrenv1.Endpoints) { m.Rendezvous.Stun = []uint32{1, 2, 3} },
		"short home":        func(m *warrenv1.Endpoints) { m.Home = make([]byte, 15) },
		"long home":         func(m *warrenv1.Endpoints) { m.Home = make([]byte, 17) },
	} {
		m := &warrenv1.Endpoints{Mesh: id[:], Node: k.Public(), Rendezvous: &warrenv1.Rendezvous{Certificate: make([]byte, 32)}}
		spoil(m)
		if _, err := identity.OpenEndpoints(raw(t, identity.TypeEndpoints, m, k.Signer()), id); !errors.Is(err, identity.ErrStatement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEqualRendezvous(t *testing.T) {
	var none *identity.Rendezvous
	if !none.Equal(nil) || none.Equal(offer()) || offer().Equal(nil) || !offer().Equal(offer()) {
		t.Error("nil is equal to nil only")
	}
	for i, change := range []func(*identity.Rendezvous){
		func(r *identity.Rendezvous) { r.Certificate[0]++ },
		func(r *identity.Rendezvous) { r.TLS = r.TLS[1:] },
		func(r *identity.Rendezvous) { r.STUN = []uint16{1, 2} },
		func(r *identity.Rendezvous) { r.Relay = 0 },
	} {
		o := offer()
		change(o)
		if o.Equal(offer()) {
			t.Errorf("change %d makes no difference", i)
		}
	}
}

// TestCertificateIsTheSameEachTime: its hash is stated, and has to hold after
// a restart.
func TestCertificateIsTheSameEachTime(t *testing.T) {
	k := key(t, 1)
	hash := func(names ...string) [32]byte {
		c, err := identity.Certificate(k, names...)
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(c.Certificate[0])
	}
	plain, named := hash(), hash("hq.example")
	if hash() != plain || hash("hq.example") != named || plain == named {
		t.Error("the certificate does not follow from key and names alone")
	}
	c, err := identity.Certificate(k, "hq.example")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil || leaf.VerifyHostname("hq.example") != nil {
		t.Errorf("a client that dials hq.example: %v", err)
	}
}
