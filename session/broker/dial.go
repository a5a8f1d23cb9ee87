package broker

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
)

// Signal carries hello and offer to the device. Nothing that passes through it
// needs to be kept from being altered.
type Signal interface {
	Hello(ctx context.Context, r *warrenv1.HelloRequest) (*warrenv1.HelloResponse, error)
	Open(ctx context.Context, r *warrenv1.OpenRequest) (*warrenv1.OpenResponse, error)
}

// DialConfig says who asks whom for what.
type DialConfig struct {
	// Key is the technician's; Node is the machine the technician works from.
	Key  ed25519.PrivateKey
	Node identity.NodeID
	Mesh identity.MeshID
	// Device and DeviceKey are the device's, from its record.
	Device    identity.NodeID
	DeviceKey ed25519.PublicKey
	// Verb, OSUser, Reason and Payload are what is asked for.
	Verb    string
	OSUser  string
	Reason  string
	Payload []byte
	// Hub is the socket of this node. It must be running.
	Hub *Hub
	// Signal reaches the device.
	Signal Signal
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Conn is the technician's side of a session. Close it.
type Conn struct {
	id     session.ID
	stream *stream
	timing Timing
}

// ID names the session.
func (c *Conn) ID() session.ID { return c.id }

// Timing is how long opening the session took.
func (c *Conn) Timing() Timing { return c.timing }

// Stream is the session's channel.
func (c *Conn) Stream() session.Stream { return c.stream }

// Close ends the session in order. It waits half a second at most for input
// that is still on its way.
func (c *Conn) Close() error {
	c.stream.closeWith("", haste)
	return nil
}

// Dial opens a session on a device: hello, offer, answer, connection. ctx
// bounds the opening only. What the device refuses comes back as Signal gives
// it; an answer that does not stand up is session.ErrNoAnswer, a connection
// that does not come about session.ErrUnreachable.
func Dial(ctx context.Context, cfg DialConfig) (*Conn, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	cert, err := cfg.Hub.certificate()
	if err != nil {
		return nil, err
	}
	p, err := cfg.Hub.open()
	if err != nil {
		return nil, err
	}
	own := newCredentials(p)
	l, err := newLink(p, own, cert)
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	id, remote, timing, err := cfg.exchange(ctx, own, cert)
	if err != nil {
		l.close()
		return nil, err
	}
	if err := l.establish(ctx, roleTechnician, remote); err != nil {
		return nil, err
	}
	l.timing.Hello, l.timing.Offer = timing.Hello, timing.Offer
	return &Conn{id: id, stream: newStream(l), timing: l.timing}, nil
}

func (cfg DialConfig) check() error {
	switch {
	case len(cfg.Key) != ed25519.PrivateKeySize || cfg.Hub == nil || cfg.Signal == nil:
		return errors.New("dial session: key, hub and signal are needed")
	case len(cfg.DeviceKey) != ed25519.PublicKeySize || identity.NodeIDOf(cfg.DeviceKey) != cfg.Device:
		return fmt.Errorf("dial session: the key is not that of device %s", cfg.Device.Short())
	}
	return nil
}

// exchange trades a signed offer for a verified answer.
func (cfg DialConfig) exchange(ctx context.Context, own credentials, cert certificate) (id session.ID, remote peer, timing Timing, err error) {
	at := time.Now()
	o, err := cfg.ask(ctx, cert)
	if err != nil {
		return id, remote, timing, err
	}
	timing.Hello = lap(&at)
	answer, err := cfg.Signal.Open(ctx, &warrenv1.OpenRequest{Offer: o.statement, Transport: own.encode()})
	if err != nil {
		return id, remote, timing, err
	}
	if remote.fingerprint, err = openAnswer(answer.GetAnswer(), o, cfg.DeviceKey); err != nil {
		return id, remote, timing, err
	}
	if remote.credentials, err = decodeTransport(answer.GetTransport(), cfg.Hub.cfg.AllowCandidate); err != nil {
		return id, remote, timing, errors.Join(session.ErrNoAnswer, err)
	}
	timing.Offer = lap(&at)
	return o.session, remote, timing, nil
}

// ask gets a nonce and signs an offer with it.
func (cfg DialConfig) ask(ctx context.Context, cert certificate) (offer, error) {
	technician, _ := cfg.Key.Public().(ed25519.PublicKey)
	now := time.Now
	if cfg.Now != nil {
		now = cfg.Now
	}
	hello, err := cfg.Signal.Hello(ctx, &warrenv1.HelloRequest{Technician: technician})
	if err != nil {
		return offer{}, err
	}
	o := offer{
		mesh: cfg.Mesh, session: session.NewID(), technician: technician, node: cfg.Node, device: cfg.Device,
		fingerprint: cert.fingerprint, verb: cfg.Verb, user: cfg.OSUser, reason: cfg.Reason,
		request: cfg.Payload, time: now(),
	}
	if !fill(o.nonce[:], hello.GetNonce()) {
		return o, fmt.Errorf("nonce of %d bytes: %w", len(hello.GetNonce()), session.ErrNoAnswer)
	}
	if o.statement, err = o.sign(cfg.Key); err != nil {
		return o, err
	}
	if _, err := decodeOffer(o.statement); err != nil { // say it here rather than have it refused there
		return o, errors.Join(session.ErrInvalid, err)
	}
	return o, nil
}
