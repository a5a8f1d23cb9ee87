package rescue

import (
	"crypto/ed25519"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/archive"
	"warren/consensus/state"
	"warren/consensus/store"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/view"
)

// Complete adds to what a node gave of its replica the keys of its folder.
func Complete(h home.Home, part []byte) (*warrenv1.Backup, error) {
	b := &warrenv1.Backup{}
	if err := proto.Unmarshal(part, b); err != nil {
		return nil, fault.New(fault.Internal, "what the node sent: %w", err)
	}
	key, err := h.NodeKey()
	if err != nil {
		return nil, err
	}
	b.NodeKey = key.Seed()
	technician, err := h.Technician()
	switch {
	case err == nil:
		b.TechnicianKey, b.TechnicianUid = technician.Seed, int64(technician.UID)
	case !missing(err):
		return nil, err
	}
	raw, err := proto.Marshal(b)
	if err != nil {
		return nil, err
	}
	if _, _, err := archive.Decode(raw); err != nil { // what could not be restored is no backup
		return nil, fault.New(fault.Internal, "the backup would not be good: %w", err)
	}
	return b, nil
}

// Part is what a controller's node gives for a backup: all but the keys.
func Part(s state.View, facts []*warrenv1.Statement, name string, now time.Time) ([]byte, error) {
	snapshot, err := s.Marshal()
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&warrenv1.Backup{
		Format: archive.Format, Snapshot: snapshot, Facts: facts,
		MeshName: s.Log().Name(), Name: name, Time: now.UnixMilli(),
	})
}

// Restoration is a backup that is to become this machine's state.
type Restoration struct {
	Mesh, Name string
	Made       time.Time
	Technician string // who works from here afterwards; may be empty

	others []trust.Device
	backup *warrenv1.Backup
	state  *state.State
	key    identity.NodeKey
}

// Prepare looks at a verified backup.
func Prepare(b *warrenv1.Backup, s *state.State) (*Restoration, error) {
	key, err := identity.NodeKeyFromSeed(b.GetNodeKey())
	if err != nil {
		return nil, err
	}
	r := &Restoration{
		Mesh: b.GetMeshName(), Name: b.GetName(), Made: time.UnixMilli(b.GetTime()), others: others(s.Log(), key.ID()),
		backup: b, state: s, key: key,
	}
	if seed := b.GetTechnicianKey(); len(seed) == ed25519.SeedSize {
		public, _ := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		if t, ok := s.Log().Technician(public); ok && !t.Revoked {
			r.Technician = t.Name
		}
	}
	return r, nil
}

// Removed are the controllers that lose their right to order.
func (r *Restoration) Removed() []string { return names(r.others) }

// Run makes the folder h what the backup says: the same controller, the only
// one. The folder must be locked and belong to no mesh. What makes it a
// member's is written last, so that it may be repeated if it is interrupted.
func (r *Restoration) Run(h home.Home, recovery ed25519.PrivateKey, uid int, log *slog.Logger) error {
	now := time.Now()
	held := r.state.Log()
	revocations, err := fence(held, r.others, "lost; "+r.Name+" was restored alone", r.backup.GetTechnicianKey(), recovery, now)
	if err != nil {
		return err
	}
	if err := h.Leave(); err != nil { // what an interrupted one left
		return err
	}
	if err := h.SaveNodeKey(r.key); err != nil {
		return err
	}
	if r.Technician != "" {
		if err := h.SaveTechnician(home.Technician{Seed: r.backup.GetTechnicianKey(), UID: uid}); err != nil {
			return err
		}
	}
	cache, err := view.Open(held.Mesh(), h.View())
	if err != nil {
		return err
	}
	if _, err := cache.Merge(&warrenv1.View{
		Entries: held.Entries(0), Revocations: append(held.Revocations(), revocations...),
		Policy: r.state.Policy(), Facts: r.backup.GetFacts(),
	}); err != nil {
		return fault.New(fault.Invalid, "%w", err)
	}
	err = store.Seed(store.Config{Dir: h.Dir().Raft(), Self: r.key.ID(), Mesh: held.Mesh(), Log: log}, r.backup.GetSnapshot())
	if err != nil {
		return fault.New(fault.Invalid, "%w", err)
	}
	return h.SaveMember(home.Member{
		Mesh: held.Mesh().String(), MeshName: r.Mesh, Name: r.Name, Role: trust.RoleController,
	})
}
