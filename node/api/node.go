package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/engine"
	"warren/mesh/gossip"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/ordering"
	"warren/node/plan"
	"warren/node/view"
	"warren/session/broker"
)

// Controller is what this machine knows of one.
type Controller struct {
	ID        identity.NodeID
	Voter     bool
	Leader    bool
	Reachable bool
}

// Running is a node that is a member, as handlers use it. It is immutable.
type Running struct {
	Self      identity.NodeID
	Home      home.Home
	View      *view.Cache
	Plan      func() plan.Plan
	Authority ordering.Authority
	Engine    *engine.Engine
	Presence  *Presence
	Gossip    Gossip
	Hub       *broker.Hub
	Broker    *broker.Broker
	Opened    *Opened
	Looks     *Looks
	Audit     Audit
	// Controllers tells how the controllers are, as seen from here.
	Controllers func(ctx context.Context) []Controller
	// Contact is when a controller was heard last; zero is not since the start.
	Contact func() time.Time
	// Clocks asks controllers and peers for the time.
	Clocks func(ctx context.Context) []Clock
	// Backup gives what a controller's backup is made of.
	Backup func(ctx context.Context) (part []byte, stale bool, err error)
	Log    *slog.Logger
}

// Gossip is what this machine hears from its peers and tells them. What it says
// authorises nothing.
type Gossip interface {
	// Picture tells how every peer is.
	Picture() []gossip.Member
	// Say spreads a statement, and does not wait for that.
	Say(*warrenv1.Statement)
	// Warnings are what a person should know of the others' logs.
	Warnings() []string
}

// settle is how long a write waits for this machine's own View to have it.
const settle = 5 * time.Second

// propose orders a command and waits until this machine's View has it.
func (r *Running) propose(ctx context.Context, body proto.Message) (uint64, error) {
	revision, err := r.Authority.Propose(ctx, body)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	if err := r.View.Await(ctx, revision); err != nil {
		r.Log.Warn("change was ordered but has not come back yet", "revision", revision)
	}
	return revision, nil
}

// log is the trust log in force.
func (r *Running) log() *trust.Log { return r.View.Now().Log }

// device finds the one live machine that word names.
func (r *Running) device(word string) (trust.Device, error) {
	d, err := FindDevice(r.log(), word)
	if err != nil {
		return d, err
	}
	if d.Revoked {
		return d, fault.New(fault.Denied, "device %q was revoked", d.Name).Because("revoked").Try("warren devices; it can only join anew").Says(fault.DeviceRevoked, d.Name)
	}
	return d, nil
}

// person is the technician who works from this machine, for the local caller
// of ctx: the user who joined, or root.
func (r *Running) person(ctx context.Context) (trust.Technician, ed25519.PrivateKey, error) {
	kept, err := r.Home.Technician()
	if errors.Is(err, fs.ErrNotExist) {
		return trust.Technician{}, nil, fault.New(fault.Denied, "no technician works from this machine").
			Try("run it where you joined as a technician").Because("no-technician").Says(fault.NoTechnician)
	}
	if err != nil {
		return trust.Technician{}, nil, err
	}
	if uid := callerOf(ctx); uid < 0 || uid != 0 && uid != kept.UID {
		return trust.Technician{}, nil, fault.New(fault.Denied, "the technician's key here belongs to another user").Try("as that user, or as root").Says(fault.OtherUsersKey)
	}
	key := ed25519.NewKeyFromSeed(kept.Seed)
	pub, _ := key.Public().(ed25519.PublicKey)
	t, ok := r.log().Technician(pub)
	switch {
	case !ok:
		return t, nil, fault.New(fault.Denied, "the mesh does not know this machine's technician (yet)").Because("no-technician").Try("again in a moment, then warren status").Says(fault.UnknownTechnician)
	case t.Revoked:
		return t, nil, fault.New(fault.Denied, "technician %q was revoked", t.Name).Because("revoked").Try("an admin for a new invite, to join anew").Says(fault.TechnicianRevoked, t.Name)
	}
	return t, key, nil
}

// admin is person, where that person is an admin.
func (r *Running) admin(ctx context.Context) (trust.Technician, ed25519.PrivateKey, error) {
	t, key, err := r.person(ctx)
	if err == nil && !t.Admin {
		err = fault.New(fault.Denied, "technician %q is no admin", t.Name).Try("it where an admin works; warren technicians lists them")
	}
	return t, key, err
}
