package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
	"warren/consensus/audit"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/fault"
)

// Audit is this machine's part in the audit log.
type Audit struct {
	Witness *audit.Witness
	// Ways are the controllers to ask, the nearest first.
	Ways func() []Way
	// Settle asks for the proofs that are due between checkpoints.
	Settle func(ctx context.Context) bool
	// Warnings are what a person should know.
	Warnings func() []string
}

// Way is one controller to ask about its audit log.
type Way struct {
	Node identity.NodeID
	warrenv1connect.WitnessServiceClient
	// Close drops the connection.
	Close func()
}

// askFor bounds one question to one controller.
const askFor = 10 * time.Second

type auditService struct{ *Local }

// anyway asks one controller after the other until one answers. A refusal is
// an answer; a connection that is cut, by one that just lost its right say, is
// none, and reading can be repeated.
func (a Audit) anyway(ctx context.Context, ask func(ctx context.Context, w Way) error) error {
	var last error
	for _, w := range a.Ways() {
		ctx, cancel := context.WithTimeout(ctx, askFor)
		err := ask(ctx, w)
		cancel()
		w.Close()
		if kind := fault.KindOf(err); err == nil || kind != fault.Unavailable && kind != fault.Internal {
			return err
		}
		last = err
	}
	return client.Unanswered(last)
}

// List implements AuditService.
func (s auditService) List(ctx context.Context, req *warrenv1.ListAuditRequest) (*warrenv1.ListAuditResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	if _, _, err := r.admin(ctx); err != nil {
		return nil, err
	}
	var out *warrenv1.ListAuditResponse
	err = r.Audit.anyway(ctx, func(ctx context.Context, w Way) error {
		out = &warrenv1.ListAuditResponse{Controller: r.nameOf(w.Node)}
		ask := &warrenv1.RecordsRequest{Since: req.GetSince(), Count: req.GetLimit(), Newest: true}
		c, err := fetch(ctx, w, ask, r.log().Mesh())
		if err != nil {
			return err
		}
		for i, raw := range c.Records {
			record, err := audit.Decode(raw)
			if err != nil {
				return fault.New(fault.Conflict, "%s gave a record %d that is none: %w", out.GetController(), c.First+uint64(i), err). //nolint:gosec // few
																			Try("warren audit verify")
			}
			out.Records = append(out.Records, record)
		}
		return nil
	})
	return out, err
}

// fetch gets the part of a controller's log that ask names, page by page, up
// to what the controller vouched for in the first answer.
func fetch(ctx context.Context, w Way, ask *warrenv1.RecordsRequest, mesh identity.MeshID) (audit.Copy, error) {
	var c audit.Copy
	page := ask
	for {
		res, err := w.Records(ctx, page)
		if err != nil {
			return c, err
		}
		if page == ask {
			if c.Checkpoint, err = audit.OpenCheckpoint(res.GetCheckpoint(), mesh); err != nil || c.Checkpoint.Node != w.Node {
				return c, fault.New(fault.Conflict, "node %s vouches for nothing: %v", w.Node.Short(), err)
			}
			c.First = res.GetFirst()
		}
		c.Leaves = append(c.Leaves, res.GetLeaves()...)
		if len(c.Records) == 0 {
			c.First = res.GetFirst()
		}
		c.Records = append(c.Records, res.GetRecords()...)
		next := c.First + uint64(len(c.Records))
		if extra := int64(next) - int64(c.Checkpoint.Size); extra > 0 && extra <= int64(len(c.Records)) { //nolint:gosec // both below audit.MaxSize or refused here
			c.Records = c.Records[:int64(len(c.Records))-extra] // ordered meanwhile
		}
		if next >= c.Checkpoint.Size || len(res.GetRecords()) == 0 && len(res.GetLeaves()) == 0 {
			return c, nil
		}
		page = &warrenv1.RecordsRequest{From: next, Leaves: ask.GetLeaves()}
	}
}

func (r *Running) nameOf(id identity.NodeID) string {
	if d, ok := r.log().Device(id); ok {
		return d.Name
	}
	return "node " + id.Short()
}

// Verify implements AuditService: it compares a controller's whole log with
// what this machine holds, and with what the other controllers vouch for.
func (s auditService) Verify(ctx context.Context, _ *warrenv1.VerifyAuditRequest) (*warrenv1.VerifyAuditResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	if _, _, err := r.admin(ctx); err != nil {
		return nil, err
	}
	now := r.View.Now()
	held := audit.Held{Mesh: now.Log.Mesh(), Log: now.Log, Revision: now.Revision, Name: r.nameOf}
	var out *warrenv1.VerifyAuditResponse
	err = r.Audit.anyway(ctx, func(ctx context.Context, w Way) error {
		c, err := fetch(ctx, w, &warrenv1.RecordsRequest{Leaves: true}, held.Mesh)
		if err != nil {
			return err
		}
		_, _ = r.Audit.Witness.Hear(c.Checkpoint.Statement) // a contradiction is kept there
		r.gather(ctx, w.Node)
		r.Audit.Settle(ctx)
		held.Checkpoints = r.Audit.Witness.All()
		held.Checkpoints = slices.DeleteFunc(held.Checkpoints, func(k audit.Checkpoint) bool {
			return k.Size > c.Checkpoint.Size && k.Time.After(c.Checkpoint.Time) // vouched for since
		})
		out = r.report(w, c, audit.Verify(c, held))
		return nil
	})
	return out, err
}

// gather hears what the other controllers vouch for. One that does not answer
// is heard by gossip, or was.
func (r *Running) gather(ctx context.Context, asked identity.NodeID) {
	for _, w := range r.Audit.Ways() {
		if w.Node != asked {
			ctx, cancel := context.WithTimeout(ctx, askFor/4)
			if res, err := w.Checkpoint(ctx, &warrenv1.CheckpointRequest{}); err == nil {
				for _, c := range res.GetCheckpoints() {
					_, _ = r.Audit.Witness.Hear(c)
				}
			}
			cancel()
		}
		w.Close()
	}
}

func (r *Running) report(w Way, c audit.Copy, found audit.Report) *warrenv1.VerifyAuditResponse {
	out := &warrenv1.VerifyAuditResponse{
		Controller: r.nameOf(w.Node), Size: found.Size, Root: found.Root[:], HashesOnly: c.First,
		Checkpoints: uint32(found.Checkpoints), Devices: uint32(found.Devices), Notes: uint64(found.Notes), //nolint:gosec // counts
		Entries: uint64(found.Entries), //nolint:gosec // a count
	}
	for _, id := range found.Vouchers {
		out.Vouchers = append(out.Vouchers, r.nameOf(id))
	}
	for _, f := range found.Findings {
		out.Findings = append(out.Findings, &warrenv1.AuditFinding{First: f.First, Last: f.Last, Text: f.Text})
	}
	for _, k := range r.Audit.Witness.Contradictions() {
		first, last := min(k.Held.Size, k.Told.Size), max(k.Held.Size, k.Told.Size)
		out.Findings = append(out.Findings, &warrenv1.AuditFinding{
			First: first - 1, Last: last - 1, Text: Contradicts(k, r.nameOf),
		})
	}
	return out
}

// Contradicts says a contradiction to people.
func Contradicts(k audit.Contradiction, name func(identity.NodeID) string) string {
	at := func(c audit.Checkpoint) string { return c.Time.UTC().Format(time.RFC3339) }
	return fmt.Sprintf("%s contradicts itself or the other controllers: %s (%s at %s, %s at %s)",
		name(k.Told.Node), k.Why, name(k.Held.Node), at(k.Held), name(k.Told.Node), at(k.Told))
}
