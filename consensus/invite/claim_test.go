package invite_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

// plainClaim is joiner's answer to plain.
func plainClaim(t testing.TB, edit ...func(*warrenv1.Claim)) *warrenv1.Claim {
	t.Helper()
	keys := identitytest.Keys(t, node(t, joiner), meshID, "joiner", 1, noon)
	m := &warrenv1.Claim{
		Mesh: meshID[:], Invite: inviteID[:], Node: public(joiner), Name: "till-3", Keys: keys,
		Facts: map[string]string{"os": "linux", "hostname": "till-3", "user": "Zoë"}, Nonce: bytes.Repeat([]byte{7}, 32), Time: noon.UnixMilli(),
	}
	for _, e := range edit {
		e(m)
	}
	return m
}

func claimBy(t testing.TB, m *warrenv1.Claim, keys ...ed25519.PrivateKey) *warrenv1.Statement {
	t.Helper()
	if len(keys) == 0 {
		keys = []ed25519.PrivateKey{invite.Key(secret), private(joiner)}
	}
	s, err := identity.Sign(identity.TypeClaim, m, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestClaim(t *testing.T) {
	m := plainClaim(t)
	m.Node = nil // SignClaim fills it in
	before := proto.CloneOf(m)
	s, err := invite.SignClaim(m, secret, node(t, joiner), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(m, before) {
		t.Error("SignClaim changed what it was given")
	}
	got, err := invite.OpenClaim(s, opened(t, plain()))
	if err != nil {
		t.Fatal(err)
	}
	id := node(t, joiner).ID()
	if got.Mesh != meshID || got.Invite != inviteID || got.Node != id || !got.NodeKey.Equal(public(joiner)) || got.Name != "till-3" ||
		got.Keys.WireGuard != identitytest.Public(t, "wireguard joiner") || got.Keys.Node != id || !maps.Equal(got.Facts, m.GetFacts()) ||
		got.Nonce != [32]byte(m.GetNonce()) || got.Technician != nil || got.IPv4.IsValid() || !got.Time.Equal(noon) {
		t.Errorf("got %+v", got)
	}
	if _, err := identity.OpenKeys(got.KeysStatement, meshID); err != nil {
		t.Errorf("the key statement: %v", err)
	}
}

func TestClaimOfATechnician(t *testing.T) {
	s, err := invite.SignClaim(plainClaim(t), secret, node(t, joiner), private(person))
	if err != nil {
		t.Fatal(err)
	}
	got, err := invite.OpenClaim(s, opened(t, plain(technicians)))
	if err != nil || !got.Technician.Equal(public(person)) {
		t.Errorf("got %x, %v", got.Technician, err)
	}
}

func TestClaimWithoutApproval(t *testing.T) {
	address := func(m *warrenv1.Claim) { m.Ipv4 = []byte{100, 97, 0, 5} }
	got, err := invite.OpenClaim(claimBy(t, plainClaim(t, address)), opened(t, plain(noApproval)))
	if err != nil || got.IPv4.String() != "100.97.0.5" {
		t.Errorf("got %s, %v", got.IPv4, err)
	}
	// With approval it is the approver who picks.
	got, err = invite.OpenClaim(claimBy(t, plainClaim(t, address)), opened(t, plain()))
	if err != nil || got.IPv4.IsValid() {
		t.Errorf("with approval: %s, %v", got.IPv4, err)
	}
}

func TestClaimShape(t *testing.T) {
	keysOf := func(n byte, mesh identity.MeshID) *warrenv1.Statement {
		return identitytest.Keys(t, node(t, n), mesh, "joiner", 1, noon)
	}
	many := map[string]string{}
	for i := range invite.MaxFacts + 1 {
		many[fmt.Sprint("fact", i)] = "x"
	}
	for name, edit := range map[string]func(*warrenv1.Claim){
		"short mesh":              func(m *warrenv1.Claim) { m.Mesh = m.Mesh[1:] },
		"short invite":            func(m *warrenv1.Claim) { m.Invite = m.Invite[1:] },
		"short nonce":             func(m *warrenv1.Claim) { m.Nonce = m.Nonce[1:] },
		"no nonce":                func(m *warrenv1.Claim) { m.Nonce = nil },
		"no name":                 func(m *warrenv1.Claim) { m.Name = "" },
		"a name in capitals":      func(m *warrenv1.Claim) { m.Name = "Till" },
		"a time before 1970":      func(m *warrenv1.Claim) { m.Time = -1 },
		"a short technician":      func(m *warrenv1.Claim) { m.Technician = []byte{1} },
		"a short address":         func(m *warrenv1.Claim) { m.Ipv4 = []byte{1, 2, 3} },
		"an IPv6 address":         func(m *warrenv1.Claim) { m.Ipv4 = make([]byte, 16) },
		"too many facts":          func(m *warrenv1.Claim) { m.Facts = many },
		"a fact without name":     func(m *warrenv1.Claim) { m.Facts = map[string]string{"": "x"} },
		"a long fact":             func(m *warrenv1.Claim) { m.Facts = map[string]string{"x": strings.Repeat("x", invite.MaxFact+1)} },
		"a fact's long name":      func(m *warrenv1.Claim) { m.Facts = map[string]string{strings.Repeat("x", invite.MaxFact+1): "x"} },
		"a fact that clears":      func(m *warrenv1.Claim) { m.Facts = map[string]string{"os": "\x1b[2J"} },
		"no keys":                 func(m *warrenv1.Claim) { m.Keys = nil },
		"keys of another machine": func(m *warrenv1.Claim) { m.Keys = keysOf(stranger, meshID) },
		"keys of another mesh":    func(m *warrenv1.Claim) { m.Keys = keysOf(joiner, identity.MeshID{9}) },
	} {
		t.Run(name, func(t *testing.T) {
			m := plainClaim(t, edit)
			if _, err := invite.SignClaim(m, secret, node(t, joiner), nil); !errors.Is(err, invite.ErrInvalid) {
				t.Errorf("SignClaim: %v", err)
			}
			if _, err := invite.OpenClaim(claimBy(t, m), opened(t, plain())); !errors.Is(err, invite.ErrInvalid) {
				t.Errorf("OpenClaim: %v", err)
			}
		})
	}
	for name, edit := range map[string]func(*warrenv1.Claim){
		"short node": func(m *warrenv1.Claim) { m.Node = m.Node[1:] },
		"no node":    func(m *warrenv1.Claim) { m.Node = nil },
	} {
		if _, err := invite.OpenClaim(claimBy(t, plainClaim(t, edit)), opened(t, plain())); !errors.Is(err, invite.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClaimRefused(t *testing.T) {
	key := invite.Key(secret)
	withPerson := func(m *warrenv1.Claim) { m.Technician = public(person) }
	all := []ed25519.PrivateKey{key, private(joiner), private(person)}
	for name, c := range map[string]struct {
		m    *warrenv1.Claim
		keys []ed25519.PrivateKey
		inv  *warrenv1.Invite
	}{
		"another invite": {plainClaim(t, func(m *warrenv1.Claim) { m.Invite = make([]byte, 8) }), nil, nil},
		"another mesh": {plainClaim(t, func(m *warrenv1.Claim) {
			other := identity.MeshID{9}
			m.Mesh = other[:]
			m.Keys = identitytest.Keys(t, node(t, joiner), other, "joiner", 1, noon)
		}), nil, nil},
		"without the invite key":        {plainClaim(t), []ed25519.PrivateKey{private(joiner)}, nil},
		"with another invite key":       {plainClaim(t), []ed25519.PrivateKey{private(stranger), private(joiner)}, nil},
		"without the node key":          {plainClaim(t), []ed25519.PrivateKey{key}, nil},
		"in another machine's name":     {plainClaim(t, func(m *warrenv1.Claim) { m.Node = public(stranger) }), nil, nil},
		"with a third signature":        {plainClaim(t), []ed25519.PrivateKey{key, private(joiner), private(stranger)}, nil},
		"a technician on a device":      {plainClaim(t, withPerson), all, nil},
		"a technician without key":      {plainClaim(t), nil, plain(technicians)},
		"a technician who did not sign": {plainClaim(t, withPerson), all[:2], plain(technicians)},
		"somebody else for him":         {plainClaim(t, withPerson), []ed25519.PrivateKey{key, private(joiner), private(stranger)}, plain(technicians)},
		"a technician's key that is the node's": {
			plainClaim(t, func(m *warrenv1.Claim) { m.Technician = public(joiner) }),
			[]ed25519.PrivateKey{key, private(joiner), private(stranger)},
			plain(technicians),
		},
		"a technician's key that is the invite's": {
			plainClaim(t, func(m *warrenv1.Claim) { m.Technician = slices.Clone(opened(t, plain()).Key) }),
			[]ed25519.PrivateKey{key, private(joiner), private(stranger)},
			plain(technicians),
		},
		"no address without approval": {plainClaim(t), nil, plain(noApproval)},
	} {
		t.Run(name, func(t *testing.T) {
			m := c.inv
			if m == nil {
				m = plain()
			}
			if _, err := invite.OpenClaim(claimBy(t, c.m, c.keys...), opened(t, m)); !errors.Is(err, invite.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := invite.OpenClaim(signed(t, plain()), opened(t, plain())); !errors.Is(err, invite.ErrInvalid) {
		t.Errorf("an invite as claim: %v", err)
	}
	// The node key being the invite key: whoever has the link is the machine.
	inv := opened(t, plain(func(m *warrenv1.Invite) { m.Key = public(joiner) }))
	if _, err := invite.OpenClaim(claimBy(t, plainClaim(t), private(joiner), private(stranger)), inv); !errors.Is(err, invite.ErrInvalid) {
		t.Errorf("one key for invite and node: %v", err)
	}
}

func FuzzClaim(f *testing.F) {
	f.Add(claimBy(f, plainClaim(f)).GetPayload(), false)
	f.Add(claimBy(f, plainClaim(f, func(m *warrenv1.Claim) { m.Technician = public(person) })).GetPayload(), true)
	f.Fuzz(func(t *testing.T, payload []byte, technician bool) {
		keys := []ed25519.PrivateKey{invite.Key(secret), private(joiner)}
		m := plain()
		if technician {
			keys, m = append(keys, private(person)), plain(technicians)
		}
		s, ok := carry(identity.TypeClaim, payload, keys...)
		if !ok {
			return
		}
		c, err := invite.OpenClaim(s, opened(t, m))
		if err != nil {
			return
		}
		if c.Node != node(t, joiner).ID() || c.Keys.Node != c.Node || c.Mesh != meshID || c.Invite != inviteID ||
			!identity.ValidName(c.Name) || len(c.Facts) > invite.MaxFacts || technician != c.Technician.Equal(public(person)) {
			t.Fatalf("passed: %+v", c)
		}
	})
}
