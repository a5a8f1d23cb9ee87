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
}

// ID names the session.
func (c *Conn) ID() session.ID { return c.id }

// Stream is the session's channel.
func (c *Conn) Stream() session.Stream { return c.stream }

// Close ends the session in order.
func (c *Conn) Close() error { return c.stream.Close() }

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
	id, remote, err := cfg.exchange(ctx, own, cert)
	if err != nil {
		l.close()
		return nil, err
	}
	if err := l.establish(ctx, roleTechnician, remote); err != nil {
		return nil, err
	}
	return &Conn{id: id, stream: newStream(l)}, nil
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
func (cfg DialConfig) exchange(ctx context.Context, own credentials, cert certificate) (session.ID, peer, error) {
	technician, _ := cfg.Key.Public().(ed25519.PublicKey)
	now := time.Now
	if cfg.Now != nil {
		now = cfg.Now
	}
	hello, err := cfg.Signal.Hello(ctx, &warrenv1.HelloRequest{Technician: technician})
	if err != nil {
		return session.ID{}, peer{}, err
	}
	o := offer{
		mesh: cfg.Mesh, session: session.NewID(), technician: technician, node: cfg.Node, device: cfg.Device,
		fingerprint: cert.fingerprint, verb: cfg.Verb, user: cfg.OSUser, reason: cfg.Reason,
		request: cfg.Payload, time: now(),
	}
	if !fill(o.nonce[:], hello.GetNonce()) {
		return o.session, peer{}, fmt.Errorf("nonce of %d bytes: %w", len(hello.GetNonce()), session.ErrNoAnswer)
	}
	if o.statement, err = o.sign(cfg.Key); err != nil {
		return o.session, peer{}, err
	}
	if _, err := decodeOffer(o.statement); err != nil { // say it here rather than have it refused there
		return o.session, peer{}, errors.Join(session.ErrInvalid, err)
	}
	answer, err := cfg.Signal.Open(ctx, &warrenv1.OpenRequest{Offer: o.statement, Transport: own.encode()})
	if err != nil {
		return o.session, peer{}, err
	}
	fingerprint, err := openAnswer(answer.GetAnswer(), o, cfg.DeviceKey)
	if err != nil {
		return o.session, peer{}, err
	}
	remote, err := decodeTransport(answer.GetTransport(), cfg.Hub.cfg.AllowCandidate)
	if err != nil {
		return o.session, peer{}, errors.Join(session.ErrNoAnswer, err)
	}
	return o.session, peer{remote, fingerprint}, nil
}
