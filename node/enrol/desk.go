package enrol

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/state"
	"warren/consensus/store"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/port"
)

// AwaitTime is how long Await holds a request open.
const AwaitTime = 20 * time.Second

// Bounds of what strangers can make a Desk remember.
const (
	nonceTime  = 10 * time.Minute
	maxNonces  = 4096
	maxSources = 4096
	// claimTries: each takes as long as controllers need for a leader.
	claimTries = 2
)

// Ledger is the controller's replica as a Desk needs it.
type Ledger interface {
	State() *state.State
	// Current returns when State holds all that was ordered before.
	Current(ctx context.Context) error
	Propose(ctx context.Context, body proto.Message) (revision uint64, err error)
	// Enter appends an entry that a controller signs, for its place and time
	// alone, unless it is done already.
	Enter(ctx context.Context, body any, done func(*trust.Log) bool) error
	// Learn keeps a member's statement of itself.
	Learn(*warrenv1.Statement)
	// Whole is the View a newly admitted machine starts with.
	Whole() *warrenv1.View
}

// Desk answers newcomers on a controller.
type Desk struct {
	mesh   identity.MeshID
	ledger Ledger
	log    *slog.Logger
	now    func() time.Time

	mu     sync.Mutex
	nonces map[identity.NodeID]issued
	failed map[string]*rate.Limiter
}

type issued struct {
	nonce [32]byte
	at    time.Time
}

// NewDesk makes the Desk of a controller.
func NewDesk(mesh identity.MeshID, ledger Ledger, log *slog.Logger) *Desk {
	return &Desk{
		mesh: mesh, ledger: ledger, log: log, now: time.Now,
		nonces: map[identity.NodeID]issued{}, failed: map[string]*rate.Limiter{},
	}
}

// Greet implements EnrolService.
func (d *Desk) Greet(ctx context.Context, req *warrenv1.GreetRequest) (*warrenv1.GreetResponse, error) {
	peer, err := d.caller(ctx)
	if err != nil {
		return nil, err
	}
	if string(req.GetMesh()) != string(d.mesh[:]) {
		return nil, d.refuse(peer, fault.New(fault.Denied, "the invite is for another mesh").Because("foreign"))
	}
	row, err := d.invite(req.GetInvite())
	if err != nil {
		return nil, d.refuse(peer, err)
	}
	if err := d.usable(row, peer.ID); err != nil {
		return nil, err
	}
	nonce, err := d.issue(peer.ID)
	if err != nil {
		return nil, err
	}
	log := d.view().Log()
	vouchers, err := log.Vouchers(row.Invite.Signer)
	if err != nil {
		return nil, fault.New(fault.Internal, "vouch for the inviter: %w", err)
	}
	ipv4, err := log.FreeIPv4(peer.ID)
	if err != nil {
		return nil, fault.New(fault.Conflict, "the mesh has no IPv4 address left: %w", err)
	}
	return &warrenv1.GreetResponse{Invite: row.Statement, Vouchers: vouchers, Nonce: nonce[:], Ipv4: ipv4.AsSlice()}, nil
}

// Claim implements EnrolService.
func (d *Desk) Claim(ctx context.Context, req *warrenv1.ClaimRequest) (*warrenv1.ClaimResponse, error) {
	peer, err := d.caller(ctx)
	if err != nil {
		return nil, err
	}
	row, claim, err := d.open(req.GetClaim(), peer)
	if err != nil {
		return nil, d.refuse(peer, err)
	}
	if err := d.usable(row, peer.ID); err != nil {
		return nil, err
	}
	if err := d.claim(ctx, &warrenv1.InviteClaimed{Claim: req.GetClaim(), From: peer.Address.String()}); err != nil {
		return nil, explain(err)
	}
	if !row.Invite.Approval {
		if err := d.admit(ctx, row, req.GetClaim(), claim); err != nil {
			return nil, err
		}
	}
	c, ok := d.view().Claim(claim.Invite, claim.Node)
	if !ok {
		return nil, fault.New(fault.Internal, "the claim is ordered but not found")
	}
	d.log.Info("invite was claimed", "invite", fmt.Sprintf("%x", claim.Invite), "node", claim.Node.Short(), "name", claim.Name)
	return &warrenv1.ClaimResponse{State: c.State}, nil
}

// claim has a claim ordered. Where a leader died over it, it is proposed again:
// the same claim counts once, and the newcomer is told how it ended.
func (d *Desk) claim(ctx context.Context, m *warrenv1.InviteClaimed) error {
	for tries := 1; ; tries++ {
		_, err := d.ledger.Propose(ctx, m)
		if !errors.Is(err, store.ErrUnknownOutcome) || tries == claimTries || ctx.Err() != nil {
			return err
		}
	}
}

// open verifies a claim: by the machine that calls, with the nonce it got.
func (d *Desk) open(s *warrenv1.Statement, peer port.Peer) (state.InviteRow, invite.Claim, error) {
	var m warrenv1.Claim
	if _, err := identity.Open(s, identity.TypeClaim, &m); err != nil {
		return state.InviteRow{}, invite.Claim{}, fault.New(fault.Invalid, "the claim: %w", err)
	}
	row, err := d.invite(m.GetInvite())
	if err != nil {
		return row, invite.Claim{}, err
	}
	claim, err := invite.OpenClaim(s, row.Invite)
	if err != nil {
		return row, claim, fault.New(fault.Denied, "the claim: %w", err)
	}
	if claim.Node != peer.ID {
		return row, claim, fault.New(fault.Denied, "the claim speaks for another machine")
	}
	if !d.redeem(peer.ID, claim.Nonce) {
		return row, claim, fault.New(fault.Unavailable, "the claim came too late").Try("join again")
	}
	if dev, ok := d.view().Log().DeviceByName(claim.Name); ok && !dev.Revoked && dev.ID != claim.Node {
		return row, claim, fault.New(fault.Conflict, "the mesh has a machine named %q already", claim.Name).Try("--name NAME")
	}
	if t, taken := d.view().Log().TechnicianByName(claim.Name); taken && !t.Revoked && claim.Technician != nil {
		return row, claim, fault.New(fault.Conflict, "the mesh has a technician named %q already", claim.Name).Try("--name NAME")
	}
	return row, claim, nil
}

// admit orders the record of a machine whose invite asks for no approval. The
// right flows from the two statements inside.
func (d *Desk) admit(ctx context.Context, row state.InviteRow, statement *warrenv1.Statement, claim invite.Claim) error {
	return explain(d.ledger.Enter(ctx, &warrenv1.Admission{Invite: row.Statement, Claim: statement}, func(log *trust.Log) bool {
		_, in := log.Device(claim.Node)
		return in
	}))
}

// Await implements EnrolService.
func (d *Desk) Await(ctx context.Context, req *warrenv1.AwaitRequest) (*warrenv1.AwaitResponse, error) {
	peer, err := d.caller(ctx)
	if err != nil {
		return nil, err
	}
	if string(req.GetNode()) != string(peer.ID[:]) || len(req.GetInvite()) != len(invite.ID{}) {
		return nil, d.refuse(peer, fault.New(fault.Denied, "a machine may ask for its own claim only"))
	}
	id := invite.ID(req.GetInvite())
	timeout := time.NewTimer(AwaitTime)
	defer timeout.Stop()
	for {
		watch := d.ledger.State().Watch()
		c, ok := d.view().Claim(id, peer.ID)
		switch {
		case !ok:
			return nil, d.refuse(peer, fault.New(fault.Denied, "no such claim").Because("unknown"))
		case c.State == warrenv1.ClaimState_CLAIM_STATE_ADMITTED:
			if dev, ok := d.view().Log().Device(peer.ID); !ok || dev.Revoked {
				return nil, fault.New(fault.Denied, "this machine's key was revoked").Because("revoked").Try("warren leave, then join with a new link")
			}
			d.ledger.Learn(c.Claim.KeysStatement)
			return &warrenv1.AwaitResponse{State: c.State, View: d.ledger.Whole()}, nil
		case c.State != warrenv1.ClaimState_CLAIM_STATE_PENDING:
			return &warrenv1.AwaitResponse{State: c.State}, nil
		}
		select {
		case <-watch:
		case <-timeout.C:
			return &warrenv1.AwaitResponse{State: c.State}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (d *Desk) view() state.View { return d.ledger.State().Snapshot() }

func (d *Desk) invite(id []byte) (state.InviteRow, error) {
	if len(id) == len(invite.ID{}) {
		if row, ok := d.view().Invite(invite.ID(id)); ok {
			return row, nil
		}
	}
	return state.InviteRow{}, fault.New(fault.Denied, "the mesh knows no such invite").Because("unknown").Try("ask for a new link")
}

// usable says early, and in plain words, what the order would refuse anyway.
func (d *Desk) usable(row state.InviteRow, node identity.NodeID) error {
	inv := row.Invite
	switch log := d.view().Log(); {
	case log.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_NODE, node[:]):
		return fault.New(fault.Denied, "this machine's key was revoked").Because("revoked").Try("warren leave, then join with a new link")
	case log.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_INVITE, inv.ID[:]):
		return explain(state.ErrRevoked)
	}
	if c, ok := d.view().Claim(inv.ID, node); ok && c.State != warrenv1.ClaimState_CLAIM_STATE_REJECTED {
		return nil // the same machine again
	}
	if inv.At(d.now()) != nil {
		return explain(state.ErrExpired)
	}
	return nil
}

// explain turns what ordering refused into words for the newcomer.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, state.ErrUsed):
		return fault.New(fault.Denied, "the invite has been used already").Because("used").Try("ask for a new link")
	case errors.Is(err, state.ErrExpired):
		return fault.New(fault.Denied, "the invite has expired").Because("expired").Try("ask for a new link")
	case errors.Is(err, state.ErrRevoked):
		return fault.New(fault.Denied, "the invite was revoked").Because("revoked").Try("ask for a new link")
	case errors.Is(err, state.ErrUnknown):
		return fault.New(fault.Denied, "the mesh knows no such invite").Because("unknown").Try("ask for a new link")
	}
	return err
}

// caller is the newcomer, once this controller may answer him: he was not
// refused too often, and what it knows is current.
func (d *Desk) caller(ctx context.Context) (port.Peer, error) {
	peer, ok := port.PeerFrom(ctx)
	if !ok {
		return peer, fault.New(fault.Denied, "the caller proved no key")
	}
	if d.tired(peer) {
		return peer, fault.New(fault.Unavailable, "too many failed attempts from %s", peer.Address.Addr()).Try("again in a minute")
	}
	return peer, d.ledger.Current(ctx)
}

func (d *Desk) tired(peer port.Peer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.failed[peer.Address.Addr().String()]
	return l != nil && l.Tokens() < 1
}

// refuse counts a failed attempt: five a minute from one address (D-42).
func (d *Desk) refuse(peer port.Peer, err error) error {
	from := peer.Address.Addr().String()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.failed) >= maxSources {
		clear(d.failed)
	}
	l := d.failed[from]
	if l == nil {
		l = rate.NewLimiter(rate.Every(time.Minute/5), 5)
		d.failed[from] = l
	}
	l.Allow()
	d.log.Debug("newcomer was refused", "from", from, "err", err)
	return err
}

func (d *Desk) issue(node identity.NodeID) ([32]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if len(d.nonces) >= maxNonces {
		for id, n := range d.nonces {
			if now.Sub(n.at) > nonceTime {
				delete(d.nonces, id)
			}
		}
		for id := range d.nonces { // any: the machine it belongs to asks again
			if len(d.nonces) < maxNonces {
				break
			}
			delete(d.nonces, id)
		}
	}
	n := issued{at: now}
	if _, err := rand.Read(n.nonce[:]); err != nil {
		return n.nonce, fmt.Errorf("make nonce: %w", err)
	}
	d.nonces[node] = n
	return n.nonce, nil
}

// redeem takes a nonce back. It stays good for the same machine's retry.
func (d *Desk) redeem(node identity.NodeID, nonce [32]byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.nonces[node]
	return ok && d.now().Sub(n.at) <= nonceTime && subtle.ConstantTimeCompare(n.nonce[:], nonce[:]) == 1
}
