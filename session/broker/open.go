package broker

import (
	"context"
	"errors"
	"fmt"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
)

// Open takes the offer that node from hands in and gives the signed answer.
// The checks run in the order of SECURITY.md 3.7: sizes; mesh, device, node
// and nonce; technician; signature; policy; the kind. Until the signature is
// proved the peer learns no more than session.ErrRefused; a technician who is
// known is told by a *session.Refusal what is missing.
func (b *Broker) Open(ctx context.Context, from identity.NodeID, r *warrenv1.OpenRequest) (*warrenv1.OpenResponse, error) {
	now := b.cfg.Now()
	if b.failures.blocked(from, now) {
		return nil, session.ErrBusy
	}
	o, err := b.proved(from, r.GetOffer())
	if err != nil {
		b.failures.add(from, now)
		b.audit(Event{Kind: OfferRefused, From: from, Err: err}.about(o))
		return nil, session.ErrRefused
	}
	answer, err := b.accept(ctx, from, o, r.GetTransport())
	if err != nil {
		b.audit(Event{Kind: OfferRefused, From: from, Err: err}.about(o))
		return nil, visible(err)
	}
	return answer, nil
}

// visible is what a known technician may see of err.
func visible(err error) error {
	var refusal *session.Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, session.ErrBusy):
		return session.ErrBusy
	case errors.Is(err, session.ErrInvalid):
		return err
	default:
		return session.ErrRefused
	}
}

// proved gives an offer that the technician it names has signed, for this
// device, just now.
func (b *Broker) proved(from identity.NodeID, s *warrenv1.Statement) (offer, error) {
	o, err := decodeOffer(s)
	if err != nil {
		return o, err
	}
	switch {
	case o.mesh != b.cfg.Mesh:
		return o, fmt.Errorf("for another mesh: %w", errOffer)
	case o.device != b.self:
		return o, fmt.Errorf("for another device: %w", errOffer)
	case o.node != from:
		return o, fmt.Errorf("names node %s but came from %s: %w", o.node.Short(), from.Short(), errOffer)
	}
	if err := b.nonces.take(o.nonce, from, [32]byte(o.technician), b.cfg.Now()); err != nil {
		return o, err
	}
	b.mu.Lock()
	t, known := b.plan.Technician(o.technician)
	b.mu.Unlock()
	switch {
	case !known:
		return o, fmt.Errorf("no such technician: %w", errOffer)
	case t.Node != o.node:
		return o, fmt.Errorf("technician %s works from node %s: %w", t.Name, t.Node.Short(), errOffer)
	}
	return o, o.verify()
}

// accept asks policy and kind, prepares the link and hands the session to Run.
func (b *Broker) accept(ctx context.Context, from identity.NodeID, o offer, t *warrenv1.Transport) (*warrenv1.OpenResponse, error) {
	b.mu.Lock()
	rights, err := b.authorise(o)
	technician, _ := b.plan.Technician(o.technician)
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	kind, found := b.kinds[o.verb]
	if !found {
		return nil, &session.Refusal{Cause: session.CauseNoVerb, Verb: o.verb, User: o.user}
	}
	request := session.Request{
		ID: o.session, Verb: o.verb, OSUser: o.user, Technician: technician.Name, TechnicianNode: o.node,
		Reason: printable([]byte(o.reason)), Payload: o.request, Rights: rights,
	}
	if admitter, ok := kind.(session.Admitter); ok {
		if err := admitter.Admit(request); err != nil {
			return nil, err
		}
	}
	remote, err := decodeTransport(t, b.cfg.Hub.cfg.AllowCandidate)
	if err != nil {
		return nil, err
	}
	return b.start(ctx, from, o, kind, request, peer{remote, o.fingerprint})
}

// start makes the device's half of the link, signs the answer and enters the
// session among the live ones.
func (b *Broker) start(ctx context.Context, from identity.NodeID, o offer, kind session.Kind, request session.Request, remote peer) (*warrenv1.OpenResponse, error) {
	cert, err := b.cfg.Hub.certificate()
	if err != nil {
		return nil, err
	}
	answer, err := signAnswer(o, cert.fingerprint, b.cfg.Key, b.cfg.Now())
	if err != nil {
		return nil, err
	}
	p, err := b.cfg.Hub.open()
	if err != nil {
		return nil, err
	}
	own := newCredentials(p)
	l, err := newLink(p, own, cert)
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	s := &live{
		offer: o, kind: kind, request: request, link: l, peer: remote, from: from,
		quit: make(chan struct{}), info: session.Info{
			ID: o.session, Verb: o.verb, OSUser: o.user, Technician: request.Technician,
			TechnicianNode: o.node, Reason: request.Reason, Since: b.cfg.Now(),
		},
	}
	if err := b.enter(ctx, s); err != nil {
		l.close()
		return nil, err
	}
	return &warrenv1.OpenResponse{Answer: answer, Transport: own.encode()}, nil
}

// enter makes s live and gives it to Run. The plan is asked again under the
// lock that Apply takes, so no session slips in between two plans.
func (b *Broker) enter(ctx context.Context, s *live) error {
	b.mu.Lock()
	rights, err := b.authorise(s.offer)
	switch _, taken := b.live[s.info.ID]; {
	case err != nil:
	case !s.request.Rights.Within(rights):
		err = session.ErrBusy // the policy has just changed; the next offer meets it
	case taken:
		err = fmt.Errorf("session %s is live already: %w", s.info.ID, errOffer)
	case len(b.live) >= b.cfg.MaxSessions:
		err = session.ErrBusy
	default:
		b.live[s.info.ID] = s
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case b.accepted <- s:
		return nil
	case <-b.stopped:
		err = session.ErrBusy
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	b.leave(s)
	return err
}

// leave takes s out of the live ones.
func (b *Broker) leave(s *live) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.live, s.info.ID)
}
