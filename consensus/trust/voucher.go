package trust

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// MaxVouchers bounds the way from a mesh's founder to one who invites.
const MaxVouchers = 64

// Vouchers are what a stranger needs to judge a technician's signature, and
// nothing about anybody else: the genesis, then the records that lead from the
// founder to the key, each signed by those before it.
func (l *Log) Vouchers(key []byte) ([]*warrenv1.Statement, error) {
	var way []*warrenv1.Statement
	for range MaxVouchers {
		if l.recovery.Equal(ed25519.PublicKey(key)) {
			return append([]*warrenv1.Statement{l.Entries(0)[0]}, way...), nil
		}
		t, ok := l.technicians.get(key)
		if !ok {
			return nil, fmt.Errorf("%w: key is no technician's", ErrUnauthorised)
		}
		e, ok := l.entries.get(ordinal(t.Sequence))
		if !ok {
			return nil, fmt.Errorf("%w: entry %d", ErrMissing, t.Sequence)
		}
		way = append([]*warrenv1.Statement{e.statement}, way...)
		if t.Sequence == 0 {
			return way, nil
		}
		key = e.statement.GetSignatures()[0].GetKey()
	}
	return nil, fmt.Errorf("%w: %s is more than %d records from the founder", ErrFull, identity.NodeIDOf(key).Short(), MaxVouchers)
}

// Vouched is what a stranger knows of a mesh from vouchers: who may invite, as
// far as signatures tell. What was revoked since, he learns with the whole log
// when he is let in. It is an invite.Log.
type Vouched struct {
	genesis *Log
	known   map[string]Technician
}

// OpenVouchers verifies what Vouchers gave, against the mesh id that a link
// pins.
func OpenVouchers(mesh identity.MeshID, vouchers []*warrenv1.Statement) (*Vouched, error) {
	if len(vouchers) == 0 || len(vouchers) > MaxVouchers {
		return nil, fmt.Errorf("%w: %d vouchers", ErrInvalid, len(vouchers))
	}
	if identity.HashOf(vouchers[0]) != mesh {
		return nil, fmt.Errorf("%w: the genesis is of another mesh", ErrInvalid)
	}
	l, err := Found(vouchers[0])
	if err != nil {
		return nil, err
	}
	v := &Vouched{genesis: l, known: map[string]Technician{}}
	for _, t := range l.Technicians() {
		v.known[string(t.Key)] = t
	}
	for _, s := range vouchers[1:] {
		if err := v.add(s); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *Vouched) add(s *warrenv1.Statement) error {
	d, err := decode(s)
	if err != nil {
		return err
	}
	m := d.entry.GetTechnician()
	if m == nil {
		return fmt.Errorf("%w: a voucher that is no technician's record", ErrInvalid)
	}
	for _, key := range d.signers {
		if key.Equal(v.genesis.recovery) {
			continue
		}
		if _, admin, err := v.Inviter(key, d.time()); err != nil || !admin {
			return errors.Join(fmt.Errorf("%w: the record of %.80q is not signed by admins", ErrUnauthorised, m.GetName()), err)
		}
	}
	t, err := technicianOf(m)
	if err != nil {
		return err
	}
	v.known[string(t.Key)] = t
	return nil
}

// Name is the mesh's.
func (v *Vouched) Name() string { return v.genesis.Name() }

// Mesh is the hash of the genesis.
func (v *Vouched) Mesh() identity.MeshID { return v.genesis.mesh }

// Inviter names the technician whose key is given.
func (v *Vouched) Inviter(key []byte, at time.Time) (name string, admin bool, err error) {
	t, ok := v.known[string(key)]
	if !ok {
		return "", false, fmt.Errorf("%w: nobody vouches for key %s", ErrUnauthorised, identity.NodeIDOf(key).Short())
	}
	return t.Name, t.Admin, t.validAt(at)
}

// Contains cannot tell, and says yes: the log comes later.
func (v *Vouched) Contains([32]byte, uint64) bool { return true }

// Revoked cannot tell, and says no.
func (v *Vouched) Revoked(warrenv1.RevocationKind, []byte) bool { return false }

// Holds reports whether an IPv4 address could be a machine's in this mesh.
func (v *Vouched) Holds(a [4]byte) bool { return v.genesis.hostAddress(netip.AddrFrom4(a)) }
