package api

import (
	"context"
	"errors"
	"sort"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/state"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/port"
	"warren/node/view"
)

const (
	// maxRecords and maxLeaves bound one answer, in bytes and in hashes.
	maxRecords = 2 << 20
	maxLeaves  = 64 << 10
	// maxNotes bounds the notes of one call, in bytes.
	maxNotes = 256 << 10
)

// Replica is a controller's copy of what all agree on.
type Replica interface {
	State() *state.State
	// Current returns when the copy has all that was ordered before the call.
	Current(ctx context.Context) error
	Propose(ctx context.Context, body proto.Message) (uint64, error)
}

// WitnessService answers members on what a controller logs: it takes their
// notes and shows what it vouches for.
type WitnessService struct {
	View    *view.Cache
	Replica Replica
	Witness *audit.Witness
	Key     identity.NodeKey
	// Caller is who asks.
	Caller func(ctx context.Context) (identity.NodeID, error)
	Rates  *Rates
}

// Caller is the peer of the node port that ctx belongs to.
func Caller(ctx context.Context) (identity.NodeID, error) {
	p, ok := port.PeerFrom(ctx)
	if !ok {
		return identity.NodeID{}, fault.New(fault.Denied, "the caller proved no key")
	}
	return p.ID, nil
}

// caller is a member that does not ask too much.
func (s WitnessService) caller(ctx context.Context) (identity.NodeID, error) {
	id, err := s.Caller(ctx)
	if err != nil {
		return id, err
	}
	if err := mustBeMember(s.View.Now().Log, id); err != nil {
		return id, err
	}
	return id, s.Rates.Allow(id)
}

// vouch signs for the log as it is now. What was ordered before the call is
// in it.
func (s WitnessService) vouch(ctx context.Context) (state.View, audit.Checkpoint, error) {
	if err := s.Replica.Current(ctx); err != nil {
		return state.View{}, audit.Checkpoint{}, err
	}
	v := s.Replica.State().Snapshot()
	_, err := s.Witness.Vouch(v.Audit(), s.Key, time.Now())
	c, ok := s.Witness.Of(s.Key.ID())
	switch {
	case errors.Is(err, audit.ErrContradiction):
		return v, c, fault.New(fault.Conflict, "this controller's audit log is not the one it vouched for: %w", err)
	case err != nil:
		return v, c, err
	case !ok || c.Size > v.Audit().Size():
		return v, c, fault.New(fault.Unavailable, "this controller is reading its log").Try("again in a moment").Because("no-leader")
	}
	return v, c, nil
}

// Note implements WitnessService.
func (s WitnessService) Note(ctx context.Context, req *warrenv1.NoteRequest) (*warrenv1.NoteResponse, error) {
	id, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	if n := len(req.GetNotes()); n == 0 || n > audit.MaxNotes {
		return nil, fault.New(fault.Invalid, "%d notes, want 1 to %d", n, audit.MaxNotes)
	}
	var notes []audit.Note
	for _, stmt := range req.GetNotes() {
		n, err := audit.OpenNote(stmt, s.View.Now().Log.Mesh())
		if err != nil || n.Device != id {
			return nil, fault.New(fault.Invalid, "a device notes its own sessions only: %v", err)
		}
		notes = append(notes, n)
	}
	if !s.Replica.State().Snapshot().MayNote(id, notes, time.Now()) {
		return nil, tooManyNotes(id) // what is refused later is written to disk before
	}
	_, err = s.Replica.Propose(ctx, &warrenv1.AuditNoted{Notes: req.GetNotes()})
	if errors.Is(err, state.ErrOften) {
		return nil, tooManyNotes(id)
	}
	if errors.Is(err, state.ErrStale) {
		if err := s.Replica.Current(ctx); err != nil {
			return nil, err
		}
		return &warrenv1.NoteResponse{Chain: state.ChainMessage(id, s.Replica.State().Snapshot().Chain(id))}, nil
	}
	if err != nil {
		return nil, ordering.Fault(err)
	}
	v, c, err := s.vouch(ctx)
	if err != nil {
		return nil, err
	}
	out := &warrenv1.NoteResponse{Checkpoint: c.Statement}
	found := noted(v, id, notes)
	for _, n := range notes {
		at, ok := found[n.Hash]
		if !ok || at >= c.Size {
			// Its number was passed over, or is too long ago: in another chain it
			// is recorded all the same.
			return &warrenv1.NoteResponse{Chain: state.ChainMessage(id, v.Chain(id))}, nil
		}
		r := &warrenv1.NotedRecord{Record: v.Audit().Record(at)}
		if r.Proof, err = v.Audit().Inclusion(at, c.Size); err != nil {
			return nil, err
		}
		out.Noted = append(out.Noted, r)
	}
	return out, nil
}

func tooManyNotes(id identity.NodeID) error {
	return fault.New(fault.Unavailable, "node %s notes more than it may", id.Short()).Try("again in some minutes")
}

// noted finds the records of a device's notes, the newest first.
func noted(v state.View, id identity.NodeID, notes []audit.Note) map[[32]byte]uint64 {
	wanted := map[string]bool{}
	for _, n := range notes {
		wanted[string(n.Hash[:])] = true
	}
	out := map[[32]byte]uint64{}
	log := v.Audit()
	for at := v.Chain(id).Record + 1; at > log.First() && len(wanted) > 0; at-- {
		r, err := audit.Decode(log.Record(at - 1))
		if err == nil && wanted[string(r.GetStatement())] {
			delete(wanted, string(r.GetStatement()))
			out[[32]byte(r.GetStatement())] = at - 1
		}
	}
	return out
}

// Checkpoint implements WitnessService.
func (s WitnessService) Checkpoint(ctx context.Context, _ *warrenv1.CheckpointRequest) (*warrenv1.CheckpointResponse, error) {
	if _, err := s.caller(ctx); err != nil {
		return nil, err
	}
	if _, _, err := s.vouch(ctx); err != nil {
		return nil, err
	}
	return &warrenv1.CheckpointResponse{Checkpoints: s.Witness.Statements()}, nil
}

// Consistency implements WitnessService. It answers out of what this
// controller has: no leader is needed.
func (s WitnessService) Consistency(ctx context.Context, req *warrenv1.ConsistencyRequest) (*warrenv1.ConsistencyResponse, error) {
	if _, err := s.caller(ctx); err != nil {
		return nil, err
	}
	proof, err := s.Replica.State().Snapshot().Audit().Consistency(req.GetFrom(), req.GetTo())
	if err != nil {
		return nil, fault.New(fault.NotFound, "%w", err)
	}
	return &warrenv1.ConsistencyResponse{Proof: proof}, nil
}

// Records implements WitnessService: for machines that an admin works from,
// and controllers.
func (s WitnessService) Records(ctx context.Context, req *warrenv1.RecordsRequest) (*warrenv1.RecordsResponse, error) {
	id, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	log := s.View.Now().Log
	if t, ok := log.TechnicianOfNode(id); (!ok || t.Revoked || !t.Admin) && !log.IsController(id) {
		return nil, fault.New(fault.Denied, "no admin works from node %s", id.Short()).Because("no-technician")
	}
	v, c, err := s.vouch(ctx)
	if err != nil {
		return nil, err
	}
	out := &warrenv1.RecordsResponse{Checkpoint: c.Statement}
	records(out, v.Audit(), req)
	return out, nil
}

// records fills an answer with the part of the log that was asked for.
func records(out *warrenv1.RecordsResponse, log audit.Log, req *warrenv1.RecordsRequest) {
	from := req.GetFrom()
	if since := req.GetSince(); since > 0 {
		held := int(log.Size() - log.First()) //nolint:gosec // at most audit.KeepRecords
		from = log.First() + uint64(sort.Search(held, func(i int) bool {
			r, err := audit.Decode(log.Record(log.First() + uint64(i))) //nolint:gosec // below held
			return err != nil || r.GetTime() >= since
		})) //nolint:gosec // at most held
	}
	if n := uint64(req.GetCount()); req.GetNewest() && n > 0 && log.Size() > n {
		from = max(from, log.Size()-n)
	}
	if from < log.First() {
		if req.GetLeaves() {
			to := min(log.First(), from+maxLeaves)
			out.Leaves, out.First = log.Leaves(from, to), to
			if to < log.First() {
				return
			}
		}
		from = log.First()
	}
	out.First = from
	for size := 0; from < log.Size() && (req.GetCount() == 0 || len(out.GetRecords()) < int(req.GetCount())); from++ {
		raw := log.Record(from)
		if size += len(raw); size > maxRecords {
			return
		}
		out.Records = append(out.Records, raw)
	}
}
