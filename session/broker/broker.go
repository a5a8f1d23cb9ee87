package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
)

// DefaultMaxSessions is how many sessions a device serves at a time.
const DefaultMaxSessions = 256

// Config says who the device is and what it offers.
type Config struct {
	// Key is the device's identity; it signs answers.
	Key  identity.NodeKey
	Mesh identity.MeshID
	// Hub is the socket the sessions use. It must be running.
	Hub *Hub
	// Kinds are the verbs this device offers, one each.
	Kinds []session.Kind
	// MaxSessions bounds live sessions; 0 is DefaultMaxSessions.
	MaxSessions int
	// Audit is told of every offer and session, in order for one session, with
	// the exact reason of a refusal. It must not block; nil is nobody.
	Audit func(Event)
	// Log is for the device's own log; nil is silence.
	Log *slog.Logger
	// Now is the clock, with a monotonic reading; nil is time.Now.
	Now func() time.Time
}

// Broker is a device's side of all its sessions.
type Broker struct {
	cfg   Config
	self  identity.NodeID
	kinds map[string]session.Kind

	nonces   nonces
	failures failures
	accepted chan *live    // from Open to Run
	stopped  chan struct{} // closed when Run accepts no more

	mu      sync.Mutex
	plan    session.Plan
	live    map[session.ID]*live
	started bool
}

// New checks cfg and starts nothing. Until Apply, the Broker accepts nothing.
func New(cfg Config) (*Broker, error) {
	if cfg.Key.IsZero() || cfg.Mesh.IsZero() || cfg.Hub == nil {
		return nil, errors.New("session broker: key, mesh and hub are needed")
	}
	if cfg.MaxSessions == 0 {
		cfg.MaxSessions = DefaultMaxSessions
	}
	if cfg.Audit == nil {
		cfg.Audit = func(Event) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("part", "broker")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	b := &Broker{
		cfg: cfg, self: cfg.Key.ID(), kinds: map[string]session.Kind{},
		accepted: make(chan *live), stopped: make(chan struct{}),
		live: map[session.ID]*live{},
	}
	for _, k := range cfg.Kinds {
		if _, twice := b.kinds[k.Verb()]; twice || !word(k.Verb(), maxVerb) {
			return nil, fmt.Errorf("session broker: verb %q is given twice or no verb", k.Verb())
		}
		b.kinds[k.Verb()] = k
	}
	return b, nil
}

// Run serves the sessions that Open accepts until ctx ends, and returns when
// all of them have ended. It can be called once.
func (b *Broker) Run(ctx context.Context) error {
	b.mu.Lock()
	again := b.started
	b.started = true
	b.mu.Unlock()
	if again {
		return errors.New("session broker: Run was called twice")
	}
	var sessions errgroup.Group
	for {
		select {
		case l := <-b.accepted:
			sessions.Go(func() error {
				b.serve(ctx, l)
				return nil
			})
			continue
		case <-ctx.Done():
		}
		break
	}
	close(b.stopped)
	return sessions.Wait()
}

// Apply sets what the device accepts from now on, and ends the live sessions
// that p no longer grants, or not with all they have. A plan for another node or mesh accepts nothing.
func (b *Broker) Apply(p session.Plan) {
	if p.Mesh != b.cfg.Mesh || p.Self != b.self {
		b.cfg.Log.Error("plan of another node was given, nothing is accepted", "node", p.Self.Short())
		p = session.Plan{Mesh: b.cfg.Mesh, Self: b.self}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plan = p
	for _, l := range b.live {
		if now, err := b.authorise(l.offer); err != nil || !l.request.Rights.Within(now) {
			l.end(session.ReasonRevoked)
		}
	}
}

// authorise asks the plan, b.mu held. A technician counts only on the node
// that their record names.
func (b *Broker) authorise(o offer) (session.Rights, error) {
	t, known := b.plan.Technician(o.technician)
	if !known || t.Node != o.node {
		return session.Rights{}, fmt.Errorf("no such technician at this node: %w", errOffer)
	}
	return b.plan.Authorise(o.technician, o.verb, o.user)
}

// Sessions lists what is live, the oldest first.
func (b *Broker) Sessions() []session.Info {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]session.Info, 0, len(b.live))
	for _, l := range b.live {
		info := l.info
		select {
		case <-l.quit:
			info.Ending = true
		default:
		}
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b session.Info) int { return a.Since.Compare(b.Since) })
	return all
}

// End ends a live session; the technician is told the reason. It reports
// whether there was one.
func (b *Broker) End(id session.ID, reason string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, found := b.live[id]
	if found {
		l.end(reason)
	}
	return found
}

// Hello gives node from a nonce for one offer of the technician whose key the
// request names. from is who the overlay has verified the caller to be.
func (b *Broker) Hello(_ context.Context, from identity.NodeID, r *warrenv1.HelloRequest) (*warrenv1.HelloResponse, error) {
	var technician [32]byte
	if !fill(technician[:], r.GetTechnician()) {
		return nil, session.ErrRefused
	}
	now := b.cfg.Now()
	if b.failures.blocked(from, now) {
		return nil, session.ErrBusy
	}
	value := b.nonces.issue(from, technician, now)
	return &warrenv1.HelloResponse{Nonce: value[:]}, nil
}
