package invite_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
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

// carry signs a payload as it is.
func carry(typ identity.Type, payload []byte, keys ...ed25519.PrivateKey) (*warrenv1.Statement, bool) {
	m := &warrenv1.Rejection{} // an empty message with the payload as unknown fields encodes to just that
	m.ProtoReflect().SetUnknown(payload)
	s, err := identity.Sign(typ, m, keys...)
	return s, err == nil
}
