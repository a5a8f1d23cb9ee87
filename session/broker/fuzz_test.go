package broker

import (
	"crypto/ed25519"
	"errors"
	"net/netip"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
)

// seedOffer is an offer that stands up, and the device it is for.
func seedOffer(t testing.TB) (offer, identity.NodeKey) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	device, err := identity.NodeKeyFromSeed(make([]byte, ed25519.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	public, _ := key.Public().(ed25519.PublicKey)
	o := offer{technician: public, device: device.ID(), verb: "shell", user: "guest", reason: "why", request: []byte("x"), time: time.UnixMilli(1)}
	if o.statement, err = o.sign(key); err != nil {
		t.Fatal(err)
	}
	return o, device
}

func encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzOffer(f *testing.F) {
	o, _ := seedOffer(f)
	f.Add(encoded(f, o.statement))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s warrenv1.Statement
		if proto.Unmarshal(b, &s) != nil {
			return
		}
		got, err := decodeOffer(&s)
		if err != nil {
			if !errors.Is(err, errOffer) {
				t.Fatalf("error %v does not wrap errOffer", err)
			}
			return
		}
		if !word(got.verb, maxVerb) || got.user != "" && !name(got.user, maxUser) || len(got.reason) > maxReason || len(got.request) > maxRequest {
			t.Fatalf("accepted %+v", got)
		}
		if err := got.verify(); err == nil && string(s.GetPayload()) != string(o.statement.GetPayload()) {
			t.Fatal("a payload that nobody signed was verified")
		}
	})
}

func FuzzAnswer(f *testing.F) {
	o, device := seedOffer(f)
	answer, err := signAnswer(o, [32]byte{1}, device, time.UnixMilli(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded(f, answer))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s warrenv1.Statement
		if proto.Unmarshal(b, &s) != nil {
			return
		}
		fingerprint, err := openAnswer(&s, o, device.Public())
		if err == nil && fingerprint != [32]byte{1} {
			t.Fatalf("accepted the fingerprint %x", fingerprint)
		}
		if err != nil && !errors.Is(err, session.ErrNoAnswer) {
			t.Fatalf("error %v does not wrap ErrNoAnswer", err)
		}
	})
}

func FuzzTransport(f *testing.F) {
	f.Add(encoded(f, credentials{
		tag: tagMark | 1, ufrag: "c0000001" + "0011223344556677", password: "00112233445566778899aabbccddeeff",
		candidates: []netip.AddrPort{netip.MustParseAddrPort("[fd00::1]:41824"), netip.MustParseAddrPort("100.97.0.1:1")},
	}.encode()))
	f.Add([]byte{})
	inside := netip.MustParsePrefix("fd00::/48")
	f.Fuzz(func(t *testing.T, b []byte) {
		var m warrenv1.Transport
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		c, err := decodeTransport(&m, inside.Contains)
		if err != nil {
			if !errors.Is(err, errTransport) {
				t.Fatalf("error %v does not wrap errTransport", err)
			}
			return
		}
		if c.tag&tagMark != tagMark || len(c.candidates) == 0 || len(c.candidates) > maxCandidates {
			t.Fatalf("accepted %+v", c)
		}
		for _, a := range c.candidates {
			if !inside.Contains(a.Addr()) || a.Port() == 0 {
				t.Fatalf("accepted the candidate %s", a)
			}
		}
	})
}

func FuzzEnd(f *testing.F) {
	f.Add([]byte("end"))
	f.Add([]byte("endrevoked"))
	f.Add([]byte("end\x01the display has ended"))
	f.Add([]byte("\x1b[2J"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var end *session.EndError
		if errors.As(endOf(b), &end) {
			for _, r := range end.Reason {
				if r < ' ' || r == 0x7f {
					t.Fatalf("a control character came through in %q", end.Reason)
				}
			}
		}
	})
}
