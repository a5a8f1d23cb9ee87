package lan

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

const (
	// lookEvery is when interfaces are looked at anew.
	lookEvery = 15 * time.Second
	// askFirst and askLast bound how often a lonely machine asks. A big LAN
	// whose internet is down has hundreds that ask.
	askFirst = time.Second
	askLast  = time.Minute
	// answerEvery and answerBurst bound answers: one reaches all who ask.
	answerEvery = 10 * time.Second
	answerBurst = 3
	// answerSpread keeps those who answer the same question apart.
	answerSpread = 100 * time.Millisecond
	// settle collects changes of the own statements.
	settle = 50 * time.Millisecond
	// staleAfter is when a question is too old, or too new, to be answered:
	// what was recorded elsewhere must not find out who is here. A machine
	// whose clock is off by more is answered where it says something new.
	staleAfter = 5 * time.Minute
)

// Config of a Beacon. Every field is needed but Log.
type Config struct {
	Mesh identity.MeshID
	// Own gives this machine's statements. It is called by one goroutine.
	Own func() []*warrenv1.Statement
	// Changed gives a channel that is closed when Own may have changed.
	Changed func() <-chan struct{}
	// Take takes in what another machine says of itself, and reports whether
	// it is news. It verifies. It may be called by several goroutines at once.
	Take func(*warrenv1.Statement) (bool, error)
	// Missing reports whether this machine has to find others by itself.
	Missing func() bool
	// Ours reports whether an address is of the overlay: there is no calling
	// into the tunnel.
	Ours func(netip.Addr) bool
	Log  *slog.Logger
}

// Beacon calls, asks and answers in the networks this machine is in.
type Beacon struct {
	cfg    Config
	sealer sealer
	caller []byte
	air    air
	meter  *meter
	asked  chan struct{} // somebody is to be answered
}

// air is what calls travel through: the groups on all interfaces.
type air interface {
	// look joins the groups on interfaces that have come, and reports whether
	// any has.
	look() bool
	// send sends to all.
	send(datagram []byte)
	// receive hands on what comes from on-link sources until ctx ends. got may
	// be called by several goroutines at once, and must not keep the bytes.
	receive(ctx context.Context, got func(from netip.Addr, datagram []byte)) error
}

// New opens the sockets. A machine without multicast gets a Beacon that hears
// and says nothing.
func New(cfg Config) (*Beacon, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("part", "lan")
	return newBeacon(cfg, openGroups(cfg.Ours, cfg.Log))
}

func newBeacon(cfg Config, through air) (*Beacon, error) {
	s, err := newSealer(cfg.Mesh)
	if err != nil {
		return nil, err
	}
	b := &Beacon{cfg: cfg, sealer: s, caller: make([]byte, callerSize), air: through, meter: newMeter(), asked: make(chan struct{}, 1)}
	_, _ = crand.Read(b.caller) // never fails
	return b, nil
}

// Run calls until ctx ends.
func (b *Beacon) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.air.receive(ctx, b.hear) })
	g.Go(func() error { return b.speak(ctx) })
	return g.Wait()
}

// speak is all that sends.
func (b *Beacon) speak(ctx context.Context) error {
	var told []*warrenv1.Statement // what was called out last
	answers := rate.NewLimiter(rate.Every(answerEvery), answerBurst)
	answering := false
	wait, asked := askFirst, time.Time{}
	answer, again := time.NewTimer(time.Hour), time.NewTimer(0)
	defer answer.Stop()
	defer again.Stop()
	for {
		changed := b.cfg.Changed()
		if own := b.cfg.Own(); !slices.Equal(own, told) {
			b.air.look() // new endpoints come with new interfaces
			told, wait, asked = own, askFirst, time.Now()
			b.call(told, b.cfg.Missing())
			again.Reset(spread(wait))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(settle):
			}
		case <-again.C:
			if b.air.look() {
				told = nil // there is somebody new to tell
			}
			switch since := time.Since(asked); {
			case !b.cfg.Missing():
				wait = askFirst
				again.Reset(lookEvery)
			case since >= wait*3/4:
				b.call(told, true)
				wait, asked = min(2*wait, askLast), time.Now()
				again.Reset(min(spread(wait), lookEvery))
			default:
				again.Reset(min(spread(wait-since), lookEvery))
			}
		case <-b.asked:
			if answering {
				continue // one answer reaches all who ask
			}
			answering = true
			answer.Reset(max(answers.Reserve().Delay(), draw(answerSpread)))
		case <-answer.C:
			if answering {
				b.call(told, false)
			}
			answering = false
		}
	}
}

// call sends statements in as few datagrams as hold them.
func (b *Beacon) call(own []*warrenv1.Statement, question bool) {
	for len(own) > 0 {
		n := min(len(own), maxStatements)
		for ; n > 0; n-- {
			datagram, err := b.sealer.seal(&warrenv1.Call{
				Caller: b.caller, Time: time.Now().UnixMilli(), Question: question, Statements: own[:n],
			})
			if err == nil {
				b.air.send(datagram)
				break
			}
		}
		if n == 0 {
			b.cfg.Log.Warn("own statement is too long to be called out", "type", own[0].GetType())
			n = 1
		}
		own = own[n:]
	}
}

// hear takes in a datagram. Nothing tells a stranger that it was heard.
func (b *Beacon) hear(from netip.Addr, datagram []byte) {
	if !b.meter.allow(from, time.Now()) {
		return
	}
	c, err := b.sealer.open(datagram)
	if err != nil || bytes.Equal(c.GetCaller(), b.caller) {
		return
	}
	news, member := false, false
	for _, s := range c.GetStatements() {
		fresh, err := b.cfg.Take(s)
		if err != nil {
			b.cfg.Log.Debug("statement was not accepted", "from", from, "err", err)
			continue
		}
		news, member = news || fresh, true
	}
	if news {
		b.cfg.Log.Info("a member called", "from", from)
	}
	off := time.Since(time.UnixMilli(c.GetTime())).Abs()
	if c.GetQuestion() && member && (news || off < staleAfter) {
		select {
		case b.asked <- struct{}{}:
		default: // will be answered together
		}
	}
}

// spread keeps machines that came up together from asking together.
func spread(d time.Duration) time.Duration { return d*3/4 + draw(d/2) }

func draw(limit time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(limit) + 1)) //nolint:gosec // no secret
}
