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
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/mesh/identity"
)

var (
	noon     = time.Unix(1_800_000_000, 0).UTC()
	meshID   = identity.MeshID{1, 2, 3}
	headHash = [32]byte{4, 5, 6}
)

func private(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

func public(n byte) ed25519.PublicKey { return private(n).Public().(ed25519.PublicKey) }

func node(t testing.TB, n byte) identity.NodeKey {
	t.Helper()
	k, err := identity.NodeKeyFromSeed(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const (
	boss     = 1 // the admin ann
	helper   = 2 // the technician bob
	joiner   = 3
	person   = 4
	stranger = 9
)

// book is a small trust log.
type book struct{ revoked bool }

var errGone = errors.New("no such technician")

func (book) Inviter(key []byte, at time.Time) (string, bool, error) {
	if at.Before(noon) {
		return "", false, errGone
	}
	switch {
	case bytes.Equal(key, public(boss)):
		return "ann", true, nil
	case bytes.Equal(key, public(helper)):
		return "bob", false, nil
	}
	return "", false, errGone
}

func (book) Contains(hash [32]byte, sequence uint64) bool { return hash == headHash && sequence == 7 }

func (b book) Revoked(kind warrenv1.RevocationKind, target []byte) bool {
	return b.revoked && kind == warrenv1.RevocationKind_REVOCATION_KIND_INVITE && bytes.Equal(target, inviteID[:])
}

var (
	inviteID = invite.ID{1, 2, 3, 4, 5, 6, 7, 8}
	secret   = invite.Secret{1, 2, 3}
)

// plain is an invite of ann's for one managed device.
func plain(edit ...func(*warrenv1.Invite)) *warrenv1.Invite {
	pub, _ := invite.Key(secret).Public().(ed25519.PublicKey)
	m := &warrenv1.Invite{
		Mesh: meshID[:], Id: inviteID[:], Key: pub, Role: invite.RoleDevice, Tags: []string{"till", "floor-2"},
		Site: "Zürich", Customer: "ACME", Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED, Uses: 1,
		NotBefore: noon.Unix(), NotAfter: noon.Add(time.Hour).Unix(), Approval: true,
		Head: headHash[:], HeadSequence: 7, Inviter: "ann",
	}
	for _, e := range edit {
		e(m)
	}
	return m
}

func technicians(m *warrenv1.Invite) { m.Role, m.Admin = invite.RoleTechnician, true }

func noApproval(m *warrenv1.Invite) { m.Approval = false }

func byBob(m *warrenv1.Invite) { m.Inviter = "bob" }

// signed signs whatever m says, as somebody would who does not ask Sign.
func signed(t testing.TB, m *warrenv1.Invite, keys ...ed25519.PrivateKey) *warrenv1.Statement {
	t.Helper()
	if len(keys) == 0 {
		keys = []ed25519.PrivateKey{private(boss)}
	}
	s, err := identity.Sign(identity.TypeInvite, m, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func opened(t testing.TB, m *warrenv1.Invite) invite.Invite {
	t.Helper()
	inv, err := invite.Open(signed(t, m), meshID, book{})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func TestInvite(t *testing.T) {
	s, err := invite.Sign(plain(), private(boss))
	if err != nil {
		t.Fatal(err)
	}
	got, err := invite.Open(s, meshID, book{})
	if err != nil {
		t.Fatal(err)
	}
	pub, _ := invite.Key(secret).Public().(ed25519.PublicKey)
	want := invite.Invite{
		Mesh: meshID, ID: inviteID, Key: pub, Role: "device", Tags: []string{"till", "floor-2"}, Site: "Zürich", Customer: "ACME",
		Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED, Uses: 1, NotBefore: noon, NotAfter: noon.Add(time.Hour), Approval: true,
		Head: headHash, HeadSequence: 7, Inviter: "ann", Signer: public(boss),
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestInviteAccepted(t *testing.T) {
	for name, s := range map[string]*warrenv1.Statement{
		"a device by bob":            signed(t, plain(byBob), private(helper)),
		"a technician by ann":        signed(t, plain(technicians)),
		"a device without approval":  signed(t, plain(noApproval)),
		"a gateway":                  signed(t, plain(func(m *warrenv1.Invite) { m.Role = invite.RoleGateway })),
		"a controller":               signed(t, plain(func(m *warrenv1.Invite) { m.Role = invite.RoleController })),
		"a private machine":          signed(t, plain(func(m *warrenv1.Invite) { m.Ownership = warrenv1.Ownership_OWNERSHIP_BYOD })),
		"a thousand uses for a week": signed(t, plain(func(m *warrenv1.Invite) { m.Uses, m.NotAfter = 1000, m.NotBefore+7*86400 })),
		"32 tags":                    signed(t, plain(func(m *warrenv1.Invite) { m.Tags = manyTags(32) })),
	} {
		if _, err := invite.Open(s, meshID, book{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyTags(n int) (tags []string) {
	for i := range n {
		tags = append(tags, fmt.Sprintf("t%d", i))
	}
	return tags
}

// Rules that no signature lifts: neither Sign nor Read passes such an invite.
func TestInviteShape(t *testing.T) {
	for name, edit := range map[string]func(*warrenv1.Invite){
		"short mesh":                  func(m *warrenv1.Invite) { m.Mesh = m.Mesh[1:] },
		"no id":                       func(m *warrenv1.Invite) { m.Id = nil },
		"long id":                     func(m *warrenv1.Invite) { m.Id = append(m.Id, 0) },
		"short key":                   func(m *warrenv1.Invite) { m.Key = m.Key[1:] },
		"no head":                     func(m *warrenv1.Invite) { m.Head = nil },
		"no role":                     func(m *warrenv1.Invite) { m.Role = "" },
		"role rendezvous":             func(m *warrenv1.Invite) { m.Role = "rendezvous" },
		"role admin":                  func(m *warrenv1.Invite) { m.Role = "admin" },
		"no ownership":                func(m *warrenv1.Invite) { m.Ownership = 0 },
		"ownership 3":                 func(m *warrenv1.Invite) { m.Ownership = 3 },
		"a device as admin":           func(m *warrenv1.Invite) { m.Admin = true },
		"a gateway without approval":  func(m *warrenv1.Invite) { m.Role, m.Approval = invite.RoleGateway, false },
		"a controller without":        func(m *warrenv1.Invite) { m.Role, m.Approval = invite.RoleController, false },
		"a technician without":        func(m *warrenv1.Invite) { m.Role, m.Approval = invite.RoleTechnician, false },
		"a private machine without":   func(m *warrenv1.Invite) { m.Ownership, m.Approval = warrenv1.Ownership_OWNERSHIP_BYOD, false },
		"no use":                      func(m *warrenv1.Invite) { m.Uses = 0 },
		"1001 uses":                   func(m *warrenv1.Invite) { m.Uses = 1001 },
		"four thousand million uses":  func(m *warrenv1.Invite) { m.Uses = 1<<32 - 1 },
		"an end before the beginning": func(m *warrenv1.Invite) { m.NotAfter = m.NotBefore },
		"a week and a second":         func(m *warrenv1.Invite) { m.NotAfter = m.NotBefore + 7*86400 + 1 },
		"no beginning, late end":      func(m *warrenv1.Invite) { m.NotBefore = 0 },
		"a beginning before 1970":     func(m *warrenv1.Invite) { m.NotBefore, m.NotAfter = -10, 10 },
		"times that overflow":         func(m *warrenv1.Invite) { m.NotBefore, m.NotAfter = -1<<63, 1<<63-1 },
		"a long site":                 func(m *warrenv1.Invite) { m.Site = strings.Repeat("x", invite.MaxText+1) },
		"a customer with a colour":    func(m *warrenv1.Invite) { m.Customer = "\x1b[31m" },
		"no inviter":                  func(m *warrenv1.Invite) { m.Inviter = "" },
		"33 tags":                     func(m *warrenv1.Invite) { m.Tags = manyTags(33) },
		"a tag twice":                 func(m *warrenv1.Invite) { m.Tags = []string{"a", "b", "a"} },
		"a tag with a blank":          func(m *warrenv1.Invite) { m.Tags = []string{"a b"} },
	} {
		t.Run(name, func(t *testing.T) {
			m := plain(edit)
			if _, err := invite.Sign(m, private(boss)); !errors.Is(err, invite.ErrInvalid) {
				t.Errorf("Sign: %v", err)
			}
			if _, err := invite.Read(signed(t, m), meshID); !errors.Is(err, invite.ErrInvalid) {
				t.Errorf("Read: %v", err)
			}
		})
	}
}

func TestInviteRefused(t *testing.T) {
	for name, c := range map[string]struct {
		s    *warrenv1.Statement
		log  book
		want error
	}{
		"by a stranger":             {s: signed(t, plain(), private(stranger)), want: invite.ErrUnauthorised},
		"in another's name":         {s: signed(t, plain(), private(helper)), want: invite.ErrUnauthorised},
		"a technician by bob":       {s: signed(t, plain(technicians, byBob), private(helper)), want: invite.ErrUnauthorised},
		"without approval, by bob":  {s: signed(t, plain(noApproval, byBob), private(helper)), want: invite.ErrUnauthorised},
		"before ann was there":      {s: signed(t, plain(func(m *warrenv1.Invite) { m.NotBefore-- })), want: errGone},
		"signed by two":             {s: signed(t, plain(), private(boss), private(helper)), want: invite.ErrInvalid},
		"of another mesh":           {s: signed(t, plain(func(m *warrenv1.Invite) { m.Mesh = make([]byte, 32) })), want: invite.ErrInvalid},
		"revoked":                   {s: signed(t, plain()), log: book{revoked: true}, want: invite.ErrRevoked},
		"with a head not held":      {s: signed(t, plain(func(m *warrenv1.Invite) { m.HeadSequence++ })), want: invite.ErrAhead},
		"with a head of elsewhere":  {s: signed(t, plain(func(m *warrenv1.Invite) { m.Head = make([]byte, 32) })), want: invite.ErrAhead},
		"a statement of other type": {s: claimBy(t, plainClaim(t)), want: invite.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := invite.Open(c.s, meshID, c.log); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := invite.Open(nil, meshID, book{}); !errors.Is(err, invite.ErrInvalid) {
		t.Errorf("no statement: %v", err)
	}
}

func TestInviteAt(t *testing.T) {
	inv := opened(t, plain())
	for at, want := range map[time.Duration]error{
		-time.Nanosecond: invite.ErrNotYet, 0: nil, time.Hour - 1: nil, time.Hour: invite.ErrExpired, 1000 * time.Hour: invite.ErrExpired,
	} {
		if err := inv.At(noon.Add(at)); !errors.Is(err, want) {
			t.Errorf("at %s: %v, want %v", at, err, want)
		}
	}
}

// Changing what Sign signed, or signing it with another key, must not pass.
func TestEveryBitOfAnInviteCounts(t *testing.T) {
	s := signed(t, plain())
	flips(s, func(what string, flipped *warrenv1.Statement) {
		if _, err := invite.Open(flipped, meshID, book{}); err == nil {
			t.Errorf("%s flipped passes", what)
		}
	})
	c := claimBy(t, plainClaim(t))
	inv := opened(t, plain())
	flips(c, func(what string, flipped *warrenv1.Statement) {
		if _, err := invite.OpenClaim(flipped, inv); err == nil {
			t.Errorf("claim with %s flipped passes", what)
		}
	})
}

func flips(s *warrenv1.Statement, yield func(what string, flipped *warrenv1.Statement)) {
	parts := map[string]func(*warrenv1.Statement) []byte{"payload": (*warrenv1.Statement).GetPayload}
	for i := range s.GetSignatures() {
		parts[fmt.Sprint("key ", i)] = func(s *warrenv1.Statement) []byte { return s.GetSignatures()[i].GetKey() }
		parts[fmt.Sprint("signature ", i)] = func(s *warrenv1.Statement) []byte { return s.GetSignatures()[i].GetSignature() }
	}
	for what, part := range parts {
		for bit := range 8 * len(part(s)) {
			flipped := proto.CloneOf(s)
			part(flipped)[bit/8] ^= 1 << (bit % 8)
			yield(fmt.Sprintf("bit %d of %s", bit, what), flipped)
		}
	}
}

// plainClaim is joiner's answer to plain.
func plainClaim(t testing.TB, edit ...func(*warrenv1.Claim)) *warrenv1.Claim {
	t.Helper()
	keys, err := identity.SignKeys(node(t, joiner), meshID, [32]byte{1}, [32]byte{2}, 1, noon)
	if err != nil {
		t.Fatal(err)
	}
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
		got.Keys.WireGuard != [32]byte{1} || got.Keys.Node != id || !maps.Equal(got.Facts, m.GetFacts()) ||
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
		s, err := identity.SignKeys(node(t, n), mesh, [32]byte{1}, [32]byte{2}, 1, noon)
		if err != nil {
			t.Fatal(err)
		}
		return s
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
		"another invite":                {plainClaim(t, func(m *warrenv1.Claim) { m.Invite = make([]byte, 8) }), nil, nil},
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

func FuzzInvite(f *testing.F) {
	for _, m := range []*warrenv1.Invite{plain(), plain(technicians), plain(noApproval)} {
		f.Add(signed(f, m).GetPayload())
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, ok := carry(identity.TypeInvite, payload, private(boss))
		if !ok {
			return
		}
		inv, err := invite.Open(s, meshID, book{})
		if err != nil {
			return
		}
		if inv.Uses < 1 || inv.Uses > invite.MaxUses || inv.NotAfter.Sub(inv.NotBefore) > invite.MaxLifetime || inv.Inviter != "ann" ||
			inv.Mesh != meshID || len(inv.Tags) > invite.MaxTags || !inv.Approval && (inv.Role != invite.RoleDevice || inv.Admin) {
			t.Fatalf("passed: %+v", inv)
		}
	})
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

// carry signs a payload as it is.
func carry(typ identity.Type, payload []byte, keys ...ed25519.PrivateKey) (*warrenv1.Statement, bool) {
	m := &warrenv1.Rejection{} // an empty message with the payload as unknown fields encodes to just that
	m.ProtoReflect().SetUnknown(payload)
	s, err := identity.Sign(typ, m, keys...)
	return s, err == nil
}
