package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"warren/consensus/policy"
	"warren/consensus/trust"
	"warren/mesh"
	"warren/mesh/identity"
	"warren/session"
)

// ErrNotMember means that the trust log has no record of this machine: it is
// not admitted yet, or the log held is too old to know.
var ErrNotMember = errors.New("this machine is not in the trust log")

// View is what a machine knows of its mesh, verified.
type View struct {
	Revision uint64
	Log      *trust.Log
	// Policy is the one the log names; nil where its text is not here yet,
	// which allows nothing.
	Policy *policy.Policy
	// Keys and Endpoints give what a member stated last, as mesh.Directory
	// does; nil where nothing is known.
	Keys      func(identity.NodeID) (identity.Keys, bool)
	Endpoints func(identity.NodeID) (identity.Endpoints, bool)
	Now       time.Time
}

// Self is the machine the plan is for.
type Self struct{ ID identity.NodeID }

// Plan is what one machine does.
type Plan struct {
	// Revision is the View's.
	Revision uint64
	Mesh     mesh.Config
	Session  session.Plan
	// Silent are members this machine may meet but that have stated no keys
	// yet; sorted.
	Silent []identity.NodeID
	// Revoked tells that this machine itself was revoked: nothing else is set
	// but names.
	Revoked bool
	// Until is when the plan changes although the View does not; zero is
	// never. Clocks get set, so plan again every few minutes all the same.
	Until time.Time
	// Warnings are sentences for the people of this machine.
	Warnings []string
}

// For computes the plan of self. The only error is ErrNotMember.
func For(view View, self Self) (Plan, error) {
	if view.Log == nil {
		return Plan{}, fmt.Errorf("machine %s: %w", self.ID.Short(), ErrNotMember)
	}
	record, ok := view.Log.Device(self.ID)
	if !ok {
		return Plan{}, fmt.Errorf("machine %s: %w", self.ID.Short(), ErrNotMember)
	}
	p := Plan{
		Revision: view.Revision,
		Mesh:     mesh.Config{Self: self.ID, Mesh: view.Log.Mesh()},
		Session:  session.Plan{Mesh: view.Log.Mesh(), Self: self.ID},
	}
	if record.Revoked {
		p.Revoked = true
		p.Warnings = []string{"this machine was revoked and takes part in the mesh no more"}
		return p, nil
	}
	b := &builder{view: view, self: record, plan: &p}
	b.dir, p.Until = policy.Members(view.Log, view.Now)
	b.compiled = policy.Compile(view.Policy, b.dir)
	b.build()
	return p, nil
}

// builder fills one Plan.
type builder struct {
	view     View
	self     trust.Device
	dir      policy.Directory
	inForce  bool // self is in dir
	compiled *policy.Compiled
	plan     *Plan
}

func (b *builder) build() {
	b.inForce = slices.ContainsFunc(b.dir.Devices, func(d policy.Device) bool { return d.ID == b.self.ID })
	b.network()
	b.filter()
	b.sessions()
	b.warnings()
}

func (b *builder) warn(format string, args ...any) {
	b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf(format, args...))
}
