package state

import (
	"errors"
	"fmt"

	"github.com/hashicorp/go-memdb"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// record keeps what the audit log gains if the command goes through.
func (ch *change) record(r *warrenv1.AuditRecord) { ch.records = append(ch.records, r) }

// recordEntries records each entry of next from a sequence on.
func (ch *change) recordEntries(next *trust.Log, from uint64) error {
	for _, s := range next.Entries(from) {
		r, err := audit.Entry(ch.meta.log, next, s)
		if err != nil {
			return fmt.Errorf("%w: record entry: %w", ErrInvalid, err)
		}
		ch.record(r)
	}
	return nil
}

// seal gives the records their numbers and puts them into the log.
func (ch *change) seal() {
	for _, r := range ch.records {
		r.Sequence, r.Time, r.Revision = ch.meta.audit.Size(), ch.now.UnixMilli(), ch.meta.revision
		ch.meta.audit = ch.meta.audit.Append(audit.Encode(r))
	}
}

// withinSince is the first format in which devices note what happens within a
// session: who knows none of that kind would refuse what others take.
const withinSince = 3

// takeNotes records what one device noted, each note once. Notes that are
// there already, all of them, are a success that changes nothing.
func (ch *change) takeNotes(m *warrenv1.AuditNoted) error {
	if n := len(m.GetNotes()); n == 0 || n > audit.MaxNotes {
		return fmt.Errorf("%w: %d notes, want 1 to %d", ErrInvalid, n, audit.MaxNotes)
	}
	var row chainRow
	for i, s := range m.GetNotes() {
		n, err := audit.OpenNote(s, ch.meta.log.Mesh())
		if err != nil {
			return err
		}
		if n.Act == warrenv1.AuditAct_AUDIT_ACT_SESSION_NOTED && ch.meta.commands() < withinSince {
			return fmt.Errorf("%w: a note of what happened within a session is of format %d", ErrEarly, withinSince)
		}
		if i == 0 {
			if row, err = ch.chainOf(n.Device); err != nil {
				return err
			}
		}
		if n.Device != row.node {
			return fmt.Errorf("%w: notes of two devices", ErrInvalid)
		}
		next, known, missing, anew, err := row.chain.Next(n)
		if err != nil {
			return err
		}
		if known {
			continue
		}
		next.Record = ch.meta.audit.Size() + uint64(len(ch.records))
		row.chain = next
		ch.record(audit.Noted(ch.meta.log, n, missing, anew))
	}
	if len(ch.records) == 0 {
		return nil
	}
	if err := ch.noteAllowance(&row, len(ch.records)); err != nil {
		return err
	}
	ch.put(tableChains, &row)
	return nil
}

// chainOf finds the chain of a device that may note.
func (ch *change) chainOf(id identity.NodeID) (chainRow, error) {
	d, ok := ch.meta.log.Device(id)
	switch {
	case !ok:
		return chainRow{}, fmt.Errorf("%w: machine %s is not in the mesh", ErrUnknown, id.Short())
	case d.Revoked:
		return chainRow{}, fmt.Errorf("%w: machine %s", ErrRevoked, d.Name)
	}
	if row := get[chainRow](ch.txn, tableChains, byID, id.String()); row != nil {
		return *row, nil
	}
	if ch.meta.chains >= MaxChains {
		return chainRow{}, fmt.Errorf("%w: chains of %d devices", ErrFull, ch.meta.chains)
	}
	ch.meta.chains++
	return chainRow{ID: id.String(), node: id}, nil
}

func (v View) marshalAudit(txn *memdb.Txn) *warrenv1.AuditSnapshot {
	log := v.meta.audit
	if log.Size() == 0 {
		return nil
	}
	m := &warrenv1.AuditSnapshot{Leaves: log.Leaves(0, log.Size())}
	for n := log.First(); n < log.Size(); n++ {
		m.Records = append(m.Records, log.Record(n))
	}
	for _, row := range all[chainRow](txn, tableChains, byID) {
		c := ChainMessage(row.node, row.chain)
		if !row.due.IsZero() {
			c.Due = row.due.UnixMilli()
		}
		m.Chains = append(m.Chains, c)
	}
	return m
}

// ChainMessage is a device's chain as it travels and is stored.
func ChainMessage(device identity.NodeID, c audit.Chain) *warrenv1.NoteChain {
	return &warrenv1.NoteChain{
		Device: device[:], Chain: c.Number, Sequence: c.Sequence, Head: c.Head[:], Record: c.Record,
	}
}

// restoreAudit takes over the log of a snapshot. One of format 1 has none: the
// log then begins with what comes next.
func (ch *change) restoreAudit(m *warrenv1.AuditSnapshot) error {
	log, err := audit.Restore(m.GetLeaves(), m.GetRecords())
	if err != nil {
		return err
	}
	ch.meta.audit = log
	for _, c := range m.GetChains() {
		if err := ch.restoreChain(c); err != nil {
			return err
		}
	}
	return nil
}

func (ch *change) restoreChain(m *warrenv1.NoteChain) error {
	row := chainRow{chain: audit.Chain{Number: m.GetChain(), Sequence: m.GetSequence(), Record: m.GetRecord()}}
	if len(m.GetDevice()) != len(row.node) || len(m.GetHead()) != len(row.chain.Head) || m.GetChain() == 0 ||
		m.GetSequence() == 0 || m.GetRecord() >= ch.meta.audit.Size() || !validTime(m.GetDue()) {
		return errors.New("a chain of notes that cannot be one")
	}
	copy(row.node[:], m.GetDevice())
	copy(row.chain.Head[:], m.GetHead())
	row.ID = row.node.String()
	if m.GetDue() != 0 {
		row.due = unixMilli(m.GetDue())
	}
	if _, ok := ch.meta.log.Device(row.node); !ok || get[chainRow](ch.txn, tableChains, byID, row.ID) != nil {
		return fmt.Errorf("chain of notes of machine %s, which is not in the mesh, or twice", row.node.Short())
	}
	if ch.meta.chains++; ch.meta.chains > MaxChains {
		return fmt.Errorf("over %d chains of notes", MaxChains)
	}
	ch.put(tableChains, &row)
	return nil
}
