package state

import (
	"crypto/sha256"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// found founds the mesh. The same genesis again is a success that changes
// nothing: whoever founds cannot always tell whether it took effect.
func (ch *change) found(m *warrenv1.MeshFounded) error {
	entries := m.GetEntries()
	if len(entries) == 0 {
		return fmt.Errorf("%w: no genesis", ErrInvalid)
	}
	if ch.meta.log != nil {
		if id := ch.meta.log.Mesh(); identity.HashOf(entries[0]) != id {
			return fmt.Errorf("%w: %s", ErrFounded, ch.meta.log.Name())
		}
		return nil
	}
	log, err := trust.Found(entries[0])
	if err != nil {
		return err
	}
	if err := ch.admit(log, entries[1:]); err != nil {
		return err
	}
	if log, err = log.Append(entries[1:]...); err != nil {
		return err
	}
	if err := fits(m.GetPolicy(), log); err != nil {
		return err
	}
	ch.meta.policy, ch.meta.format = m.GetPolicy(), m.GetFormat()
	if err := ch.recordEntries(log, 0); err != nil {
		return err
	}
	return ch.grow(log, 0)
}

// appendEntries grows the trust log, all or none. Entries that are there
// already, all of them, are a success that changes nothing.
// MaxSkew is how far the clock of the controller that signs a renewal may be
// from the leader's.
const MaxSkew = 10 * time.Minute

func (ch *change) appendEntries(m *warrenv1.EntriesAppended) error {
	for _, s := range m.GetEntries() {
		e, err := entryIn(s)
		if err != nil {
			return err
		}
		if e.GetPolicy() != nil {
			return fmt.Errorf("%w: a policy's entry needs its text beside it", ErrInvalid)
		}
		if off := ch.now.Sub(time.UnixMilli(e.GetTime())).Abs(); e.GetRenewal() != nil && off > MaxSkew {
			return fmt.Errorf("%w: the controller's clock is %s off", ErrInvalid, off.Round(time.Second))
		}
	}
	return ch.appendAll(m.GetEntries())
}

func (ch *change) appendAll(entries []*warrenv1.Statement) error {
	if len(entries) == 0 || len(entries) > MaxEntries {
		return fmt.Errorf("%w: %d entries, want 1 to %d", ErrInvalid, len(entries), MaxEntries)
	}
	log := ch.meta.log
	if known, err := holds(log, entries); err != nil || known {
		return err
	}
	if err := folds(log, entries); err != nil {
		return err
	}
	next, err := log.Append(entries...)
	if err != nil {
		return err
	}
	if err := ch.admit(log, entries); err != nil {
		return err
	}
	if err := ch.recordEntries(next, log.Len()); err != nil {
		return err
	}
	return ch.grow(next, log.Len())
}

// replacePolicy swaps the policy's text together with its entry.
func (ch *change) replacePolicy(m *warrenv1.PolicyReplaced) error {
	e, err := entryIn(m.GetEntry())
	if err != nil {
		return err
	}
	record := e.GetPolicy()
	if record == nil {
		return fmt.Errorf("%w: an entry that is no policy's", ErrInvalid)
	}
	if len(m.GetPolicy()) > MaxPolicy {
		return fmt.Errorf("%w: a policy of %d bytes, want at most %d", ErrInvalid, len(m.GetPolicy()), MaxPolicy)
	}
	if sum := sha256.Sum256(m.GetPolicy()); string(record.GetHash()) != string(sum[:]) {
		return fmt.Errorf("%w: the text is not the one that was signed", ErrInvalid)
	}
	entries := []*warrenv1.Statement{m.GetEntry()}
	if known, err := holds(ch.meta.log, entries); err != nil || known {
		return err
	}
	_, revision := ch.meta.log.Policy()
	if m.GetIfRevision() != revision || record.GetRevision() != revision+1 {
		return fmt.Errorf("%w: the policy is at revision %d, this one replaces %d", ErrStale, revision, m.GetIfRevision())
	}
	if err := ch.appendAll(entries); err != nil {
		return err
	}
	ch.meta.policy = m.GetPolicy()
	return nil
}

// revoke adds to the set that only grows.
func (ch *change) revoke(m *warrenv1.Revoked) error {
	log, err := ch.meta.log.Revoke(m.GetRevocation())
	if err != nil {
		return err
	}
	if log == ch.meta.log {
		return nil
	}
	r, err := audit.Revocation(ch.meta.log, m.GetRevocation())
	if err != nil {
		return err
	}
	ch.record(r)
	return ch.grow(log, log.Len())
}

// holds reports whether the log has all the entries already. To have some of
// them is stale.
func holds(log *trust.Log, entries []*warrenv1.Statement) (bool, error) {
	known := 0
	for _, s := range entries {
		e, err := entryIn(s)
		if err != nil {
			return false, err
		}
		if log.Contains(identity.HashOf(s), e.GetSequence()) {
			known++
		}
	}
	if known != 0 && known != len(entries) {
		return false, fmt.Errorf("%w: %d of %d entries are there already", ErrStale, known, len(entries))
	}
	return known != 0, nil
}

// folds asks of the first signed entry that it folds what was revoked beside
// the chain: else the chain would forget what a technician revoked before he
// was revoked himself.
func folds(log *trust.Log, entries []*warrenv1.Statement) error {
	for _, s := range entries {
		if e, err := entryIn(s); err != nil || e.GetAdmission() != nil || e.GetRenewal() != nil {
			continue
		}
		if !log.FoldsAll(s) {
			return fmt.Errorf("%w: something was revoked", ErrStale)
		}
		return nil
	}
	return nil
}

// fits compares a policy's text with what the chain says of it.
func fits(text []byte, log *trust.Log) error {
	hash, revision := log.Policy()
	switch {
	case revision == 0 && len(text) == 0:
		return nil
	case len(text) > MaxPolicy:
		return fmt.Errorf("%w: a policy of %d bytes, want at most %d", ErrInvalid, len(text), MaxPolicy)
	case revision == 0 || sha256.Sum256(text) != hash:
		return fmt.Errorf("%w: the policy's text is not the one that was signed", ErrInvalid)
	}
	return nil
}

// entryIn decodes an entry. Whether its signatures hold is the trust log's
// question.
func entryIn(s *warrenv1.Statement) (*warrenv1.Entry, error) {
	if len(s.GetPayload()) > identity.MaxPayload {
		return nil, fmt.Errorf("%w: an entry of %d bytes", ErrInvalid, len(s.GetPayload()))
	}
	e := &warrenv1.Entry{}
	if err := proto.Unmarshal(s.GetPayload(), e); err != nil {
		return nil, fmt.Errorf("%w: decode entry: %w", ErrInvalid, err)
	}
	return e, nil
}

// deviceOf is the machine an entry lets in.
func deviceOf(e *warrenv1.Entry) (identity.NodeID, bool) {
	switch body := e.GetBody().(type) {
	case *warrenv1.Entry_Device:
		return identity.NodeIDOf(body.Device.GetKey()), true
	case *warrenv1.Entry_Admission:
		var c warrenv1.Claim
		if err := proto.Unmarshal(body.Admission.GetClaim().GetPayload(), &c); err != nil {
			return identity.NodeID{}, false
		}
		return identity.NodeIDOf(c.GetNode()), true
	case *warrenv1.Entry_Renewal:
		var here warrenv1.StillHere
		if err := proto.Unmarshal(body.Renewal.GetStatement().GetPayload(), &here); err != nil {
			return identity.NodeID{}, false
		}
		return identity.NodeIDOf(here.GetKey()), true
	default:
		return identity.NodeID{}, false
	}
}
