package statetest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/command"
	"warren/consensus/invite"
	"warren/consensus/state"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

// Epoch is the time at which every Mesh is founded.
var Epoch = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// Policy is the text the founding carries.
const Policy = `{"grants": []}`

// Mesh is one mesh and its founder.
type Mesh struct {
	TB       testing.TB
	Name     string
	Founder  ed25519.PrivateKey
	Recovery ed25519.PrivateKey
	// Node is the founder's machine and the first controller.
	Node identity.NodeKey
}

// New plays the mesh of that name.
func New(tb testing.TB, name string) *Mesh {
	m := &Mesh{TB: tb, Name: name}
	m.Founder, m.Recovery, m.Node = m.Key("founder"), m.Key("recovery"), m.Machine(0)
	return m
}

// Key is a key by name.
func (m *Mesh) Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(m.Name + "/" + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Machine is the key of a machine by number.
func (m *Mesh) Machine(n int) identity.NodeKey {
	m.TB.Helper()
	key, err := identity.NodeKeyFromSeed(m.Key(fmt.Sprintf("machine %d", n)).Seed())
	m.must(err)
	return key
}

// Founding founds the mesh: genesis, the founder's machine as a controller,
// policy.
func (m *Mesh) Founding() *warrenv1.MeshFounded {
	m.TB.Helper()
	id := m.Node.ID()
	nonce := sha256.Sum256([]byte(m.Name))
	genesis := m.sign(trust.Genesis(Epoch, &warrenv1.Genesis{
		Name: m.Name, RecoveryKey: public(m.Recovery), Ipv4Range: "100.97.0.0/16", Nonce: nonce[:16],
		Thresholds: &warrenv1.Thresholds{Admin: 1, Controller: 1, Device: 1, Gateway: 1, Policy: 1},
		Founder: &warrenv1.TechnicianRecord{
			Name: "owner", Key: public(m.Founder), Admin: true, Node: id[:], NotBefore: Epoch.Unix(),
		},
	}))
	log, err := trust.Found(genesis)
	m.must(err)
	entries := []*warrenv1.Statement{genesis}
	for _, body := range []any{
		m.record(log, m.Node, "first", trust.RoleController),
		&warrenv1.ControllerRecord{Key: m.Node.Public()},
		&warrenv1.PolicyRecord{Hash: hash(Policy), Revision: 1},
	} {
		s := m.sign(log.Draft(Epoch, body))
		log, err = log.Append(s)
		m.must(err)
		entries = append(entries, s)
	}
	return &warrenv1.MeshFounded{
		Format: command.Newest, Entries: entries, Policy: []byte(Policy),
	}
}

// Log is the trust log after Founding.
func (m *Mesh) Log() *trust.Log {
	m.TB.Helper()
	entries := m.Founding().GetEntries()
	log, err := trust.Open(identity.HashOf(entries[0]), entries, nil)
	m.must(err)
	return log
}

// Secret is the secret of invite n.
func (m *Mesh) Secret(n int) invite.Secret {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/secret %d", m.Name, n))
	return invite.Secret(sum[:invite.SecretSize])
}

// InviteID is the id of invite n.
func (m *Mesh) InviteID(n int) invite.ID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/invite %d", m.Name, n))
	return invite.ID(sum[:8])
}

// Invite makes invite n: one plain device within the hour, with approval. The
// functions may change that.
func (m *Mesh) Invite(log *trust.Log, n int, change ...func(*warrenv1.Invite)) *warrenv1.InviteMade {
	m.TB.Helper()
	id, mesh, head := m.InviteID(n), log.Mesh(), log.Head()
	inv := &warrenv1.Invite{
		Mesh: mesh[:], Id: id[:], Key: public(invite.Key(m.Secret(n))), Role: invite.RoleDevice,
		Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED, Uses: 1, NotBefore: Epoch.Unix(),
		NotAfter: Epoch.Add(time.Hour).Unix(), Approval: true, Head: head[:], HeadSequence: log.Len() - 1,
		Inviter: "owner",
	}
	for _, f := range change {
		f(inv)
	}
	s, err := invite.Sign(inv, m.Founder)
	m.must(err)
	return &warrenv1.InviteMade{Invite: s}
}

// Claim is machine's claim on invite n. The functions may change it; with a
// technician the claim carries that key.
func (m *Mesh) Claim(log *trust.Log, n, machine int, technician ed25519.PrivateKey, change ...func(*warrenv1.Claim)) *warrenv1.InviteClaimed {
	m.TB.Helper()
	node, id, mesh := m.Machine(machine), m.InviteID(n), log.Mesh()
	ip, err := log.FreeIPv4(node.ID())
	m.must(err)
	keys := identitytest.Keys(m.TB, node, mesh, fmt.Sprint(machine), 1, Epoch)
	c := &warrenv1.Claim{
		Mesh: mesh[:], Invite: id[:], Name: fmt.Sprintf("machine-%d", machine), Keys: keys,
		Facts: map[string]string{"os": "linux"}, Nonce: make([]byte, 32), Ipv4: ip.AsSlice(),
		Time: Epoch.Add(time.Minute).UnixMilli(),
	}
	for _, f := range change {
		f(c)
	}
	s, err := invite.SignClaim(c, m.Secret(n), node, technician)
	m.must(err)
	return &warrenv1.InviteClaimed{Claim: s, From: "192.0.2.1:41820"}
}

// Record is the device record that answers machine's claim on invite n to the
// letter. The functions may change it.
func (m *Mesh) Record(log *trust.Log, inv *warrenv1.InviteMade, machine int, change ...func(*warrenv1.DeviceRecord)) *warrenv1.DeviceRecord {
	m.TB.Helper()
	var of warrenv1.Invite
	m.must(proto.Unmarshal(inv.GetInvite().GetPayload(), &of))
	r := m.record(log, m.Machine(machine), fmt.Sprintf("machine-%d", machine), of.GetRole())
	r.Tags, r.Site, r.Customer = of.GetTags(), of.GetSite(), of.GetCustomer()
	r.Ownership, r.Invite = of.GetOwnership(), of.GetId()
	for _, f := range change {
		f(r)
	}
	return r
}

// Append drafts, signs and wraps entries with these bodies, each on the one
// before.
func (m *Mesh) Append(log *trust.Log, bodies ...any) *warrenv1.EntriesAppended {
	m.TB.Helper()
	out := &warrenv1.EntriesAppended{}
	for _, body := range bodies {
		e := log.Draft(Epoch.Add(time.Minute), body)
		s := m.sign(e)
		out.Entries = append(out.Entries, s)
		if next, err := log.Append(s); err == nil {
			log = next
		}
	}
	return out
}

// Replace is the policy's replacement by text.
func (m *Mesh) Replace(log *trust.Log, text string) *warrenv1.PolicyReplaced {
	m.TB.Helper()
	_, revision := log.Policy()
	appended := m.Append(log, &warrenv1.PolicyRecord{Hash: hash(text), Revision: revision + 1})
	return &warrenv1.PolicyReplaced{Entry: appended.GetEntries()[0], Policy: []byte(text), IfRevision: revision}
}

// Reject turns machine's claim on invite n down.
func (m *Mesh) Reject(log *trust.Log, n, machine int, key ed25519.PrivateKey) *warrenv1.ClaimRejected {
	m.TB.Helper()
	s, err := state.SignRejection(log.Mesh(), m.InviteID(n), m.Machine(machine).ID(), Epoch.Add(time.Minute), key)
	m.must(err)
	return &warrenv1.ClaimRejected{Rejection: s}
}

// Revoke revokes a target.
func (m *Mesh) Revoke(log *trust.Log, kind warrenv1.RevocationKind, target []byte) *warrenv1.Revoked {
	m.TB.Helper()
	s, err := trust.SignRevocation(log.Mesh(), kind, target, "test", Epoch.Add(time.Minute), m.Founder)
	m.must(err)
	return &warrenv1.Revoked{Revocation: s}
}

// Command wraps a body as the leader would, after Epoch by that much.
func (m *Mesh) Command(body proto.Message, after time.Duration) command.Command {
	m.TB.Helper()
	c, err := command.New(body)
	m.must(err)
	return c.At(Epoch.Add(after))
}

func (m *Mesh) record(log *trust.Log, node identity.NodeKey, name, role string) *warrenv1.DeviceRecord {
	m.TB.Helper()
	ip, err := log.FreeIPv4(node.ID())
	m.must(err)
	return &warrenv1.DeviceRecord{
		Key: node.Public(), Name: name, Roles: []string{role}, Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED,
		Ipv4: ip.AsSlice(), NotBefore: Epoch.Unix(),
	}
}

func (m *Mesh) sign(e *warrenv1.Entry) *warrenv1.Statement {
	m.TB.Helper()
	keys := []ed25519.PrivateKey{m.Founder}
	if e.GetAdmission() != nil {
		keys = []ed25519.PrivateKey{m.Node.Signer()}
	}
	s, err := trust.SignEntry(e, keys...)
	m.must(err)
	return s
}

func (m *Mesh) must(err error) {
	m.TB.Helper()
	if err != nil {
		m.TB.Fatal(err)
	}
}

func public(k ed25519.PrivateKey) ed25519.PublicKey {
	pub, _ := k.Public().(ed25519.PublicKey)
	return pub
}

func hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Notebook makes the notes of machine one after the other.
type Notebook struct {
	mesh     *Mesh
	machine  int
	chain    uint64
	sequence uint64
	previous []byte
}

// Notebook begins a chain of notes of a machine.
func (m *Mesh) Notebook(machine int, chain uint64) *Notebook {
	return &Notebook{mesh: m, machine: machine, chain: chain}
}

// Note makes the next note: the founder's shell was opened. The functions may
// change that.
func (b *Notebook) Note(log *trust.Log, change ...func(*warrenv1.Note)) *warrenv1.Statement {
	b.mesh.TB.Helper()
	b.sequence++
	mesh, from := log.Mesh(), b.mesh.Node.ID()
	session := sha256.Sum256(fmt.Appendf(nil, "%d/%d", b.chain, b.sequence))
	n := &warrenv1.Note{
		Mesh: mesh[:], Chain: b.chain, Sequence: b.sequence, Previous: b.previous,
		Kind: warrenv1.NoteKind_NOTE_KIND_OPENED, Session: session[:16], Technician: public(b.mesh.Founder),
		From: from[:], Verb: "shell", OsUser: "root", Reason: "ticket 7", Time: Epoch.Add(time.Minute).UnixMilli(),
	}
	for _, f := range change {
		f(n)
	}
	s, err := audit.SignNote(n, b.mesh.Machine(b.machine))
	b.mesh.must(err)
	hash := identity.HashOf(s)
	b.previous = hash[:]
	return s
}

// Skip makes the next note one that nobody ever sees.
func (b *Notebook) Skip(log *trust.Log) { b.Note(log) }
