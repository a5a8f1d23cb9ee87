package state

import (
	"fmt"
	"time"

	"github.com/hashicorp/go-memdb"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/trust"
)

// Bounds of a state.
const (
	// MaxPolicy bounds the policy's text. With its signed entry it has to fit
	// into one command.
	MaxPolicy = command.MaxSize - 128<<10
	// MaxEntries bounds the entries of one command.
	MaxEntries = 2048
	// MaxInvites and MaxClaims bound what is kept; what ended long ago makes
	// room.
	MaxInvites = 10_000
	MaxClaims  = 100_000
	// MaxPending bounds the claims that wait for a decision.
	MaxPending = 10_000
	// MaxFrom bounds the address a claim came from, in bytes.
	MaxFrom = 256
	// MaxChains bounds the devices whose chains of notes are known.
	MaxChains = 100_000
	// MaxRefused is where counting of refused claims on an invite stops.
	MaxRefused = 255
)

// Result is what Apply answers.
type Result struct {
	// Err wraps exactly one of this package's errors when the command was
	// refused; then nothing changed, but that a claim on a used invite is
	// counted.
	Err error
	// Revision is the Raft index of the newest change after the command.
	Revision uint64
}

// State is what a controller knows. Apply and Unmarshal are called by one
// goroutine at a time; everything else by any, meanwhile.
type State struct {
	db    *memdb.MemDB
	bound int // of a snapshot, in bytes: MaxSnapshot
}

// New is the state before a mesh is founded.
func New() *State {
	db, err := memdb.NewMemDB(schema())
	if err != nil {
		panic(err) // the schema is a constant, and wrong
	}
	return &State{db: db, bound: MaxSnapshot}
}

// Apply applies the command that Raft committed at index. It is pure and
// total: see the package's promises.
func (s *State) Apply(index uint64, c command.Command) (result Result) {
	ch := &change{txn: s.db.Txn(true), now: c.Time}
	ch.meta = metaIn(ch.txn)
	before := ch.meta.revision
	defer ch.txn.Abort() // does nothing after a commit
	defer func() {
		if p := recover(); p != nil {
			result = Result{Err: fmt.Errorf("%w: applying %s panicked: %v", ErrInvalid, c.Kind, p), Revision: before}
		}
	}()
	err := ch.apply(c)
	keep := ch.dirty && (err == nil || ch.counted)
	if keep {
		ch.meta.revision = index
		ch.seal()
		if full := ch.meta.room(c.Kind, s.bound); full != nil {
			keep = false
			if err == nil {
				err = full
			}
		}
	}
	if err != nil {
		err = refusal(fmt.Errorf("%s: %w", c.Kind, err))
	}
	if !keep {
		return Result{Err: err, Revision: before}
	}
	ch.put(tableMeta, &ch.meta)
	ch.txn.Commit()
	return Result{Err: err, Revision: index}
}

// change is one command being applied.
type change struct {
	txn  *memdb.Txn
	meta meta
	now  time.Time
	// dirty: something was put. counted: keep it although the command was
	// refused.
	dirty, counted bool
	// records are what the audit log gains when all went well.
	records []*warrenv1.AuditRecord
}

func (ch *change) apply(c command.Command) error {
	if c.Time.IsZero() {
		return fmt.Errorf("%w: no leader stamped it", ErrInvalid)
	}
	if body, ok := c.Body.(*warrenv1.MeshFounded); ok {
		return ch.found(body)
	}
	if ch.meta.log == nil {
		return fmt.Errorf("%w: no mesh is founded here", ErrInvalid)
	}
	if c.Kind.Format() > ch.meta.commands() {
		return fmt.Errorf("%w: it is of format %d, in force is %d", ErrEarly, c.Kind.Format(), ch.meta.commands())
	}
	switch body := c.Body.(type) {
	case *warrenv1.FormatRaised:
		return ch.raise(body)
	case *warrenv1.EntriesAppended:
		return ch.appendEntries(body)
	case *warrenv1.PolicyReplaced:
		return ch.replacePolicy(body)
	case *warrenv1.InviteMade:
		return ch.makeInvite(body)
	case *warrenv1.InviteClaimed:
		return ch.claimInvite(body)
	case *warrenv1.ClaimRejected:
		return ch.rejectClaim(body)
	case *warrenv1.Revoked:
		return ch.revoke(body)
	case *warrenv1.AuditNoted:
		return ch.takeNotes(body)
	default:
		return fmt.Errorf("%w: a body of %T", ErrInvalid, c.Body)
	}
}

// commands is the format of commands in force.
func (m *meta) commands() uint32 { return max(m.format, 1) }

// raise lets a newer format in. It never falls; the same again changes nothing.
func (ch *change) raise(m *warrenv1.FormatRaised) error {
	if m.GetFormat() > ch.meta.commands() {
		ch.meta.format, ch.dirty = m.GetFormat(), true
	}
	return nil
}

// put writes a row; it fails only where schema and rows do not fit together.
func (ch *change) put(table string, r row) {
	ch.meta.rows += r.weight()
	if was, err := ch.txn.First(table, byID, r.key()); err != nil {
		panic(err)
	} else if was, ok := was.(row); ok {
		ch.meta.rows -= was.weight()
	}
	if err := ch.txn.Insert(table, r); err != nil {
		panic(err)
	}
	ch.dirty = true
}

func (ch *change) drop(table string, r row) {
	ch.meta.rows -= r.weight()
	if err := ch.txn.Delete(table, r); err != nil {
		panic(err)
	}
	ch.dirty = true
}

// grow replaces the trust log and indexes what entries from sequence on and
// revocations changed.
func (ch *change) grow(log *trust.Log, from uint64) error {
	for _, s := range log.Entries(from) {
		e, err := entryIn(s)
		if err != nil {
			return err
		}
		if id, ok := deviceOf(e); ok {
			if d, ok := log.Device(id); ok {
				ch.put(tableDevices, rowOf(d))
			}
		}
	}
	ch.meta.log = log
	ch.dirty = true
	return nil
}
