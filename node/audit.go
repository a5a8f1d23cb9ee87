package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/mesh/identity"
	"warren/node/api"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/notebook"
	"warren/session/broker"
)

const (
	// vouchEvery and vouchPause: a controller vouches each minute, and after
	// changes no sooner than that.
	vouchEvery = time.Minute
	vouchPause = 2 * time.Second
	// compareWithin spreads the members' questions for proofs.
	compareWithin = 2 * time.Second
	// compareAgain is how long an open question waits; one that stays open for
	// longer than doubtAfter is a warning.
	compareAgain = 15 * time.Second
	doubtAfter   = 2 * time.Minute
	// rememberEvery is how often what is no news reaches the disk.
	rememberEvery = 10 * time.Minute
	// askFor bounds one question to one controller.
	askFor = 10 * time.Second
)

// auditor is this machine's part in the audit log: it notes its own sessions,
// and is a witness of what controllers vouch for.
type auditor struct {
	life    *life
	witness *audit.Witness
	book    *notebook.Book
	rates   *api.Rates

	mu    sync.Mutex
	lies  map[identity.NodeID]string    // controllers that showed something else than they should
	doubt map[identity.NodeID]time.Time // whose checkpoints cannot be compared, since when

	storing sync.Mutex // guards what follows, and is held over the disk write
	kept    string     // the line that is on disk
	stored  time.Time
}

func (l *life) openAuditor() *auditor {
	a := &auditor{life: l, rates: api.NewRates(), lies: map[identity.NodeID]string{}, doubt: map[identity.NodeID]time.Time{}}
	a.witness = audit.NewWitness(l.mesh, func(id identity.NodeID) bool {
		log := l.view.Now().Log
		return log != nil && log.IsController(id)
	})
	data, err := l.home.Checkpoints()
	if err == nil && len(data) > 0 {
		err = a.witness.Unmarshal(data)
	}
	if err != nil {
		l.log.Error("what this machine remembered of the audit log is lost", "part", "audit", "err", err)
	}
	a.book = notebook.Open(notebook.Config{Key: l.key, Mesh: l.mesh, Storage: l.home.Notebook(), Log: l.log.With("part", "audit")})
	return a
}

// note is told of every session by the broker.
func (a *auditor) note(e broker.Event) {
	n := notebook.Event{
		Session: e.Session, Technician: e.Technician, From: e.From, Verb: e.Verb, OSUser: e.OSUser, Reason: e.Reason, Time: e.Time,
	}
	switch e.Kind {
	case broker.SessionOpened:
		n.Kind = warrenv1.NoteKind_NOTE_KIND_OPENED
	case broker.SessionEnded:
		n.Kind = warrenv1.NoteKind_NOTE_KIND_ENDED
	case broker.OfferRefused:
		n.Kind = warrenv1.NoteKind_NOTE_KIND_REFUSED
	case broker.SessionNoted:
		n.Kind, n.Cause = warrenv1.NoteKind_NOTE_KIND_NOTED, e.What
	default:
		return
	}
	if e.Err != nil {
		n.Cause = e.Err.Error()
	}
	a.book.Add(n)
}

// run does its part until ctx ends. Nothing of it ends the node: without an
// audit log machines still have to be reached.
func (a *auditor) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { a.book.Run(ctx); return nil })
	g.Go(func() error { a.deliver(ctx); return nil })
	g.Go(func() error { a.compare(ctx); return nil })
	g.Go(func() error { a.vouch(ctx); return nil })
	return g.Wait()
}

// api is what handlers use of it.
func (a *auditor) api() api.Audit {
	return api.Audit{Witness: a.witness, Ways: a.ways, Settle: a.settle, Warnings: a.warnings}
}

// close writes what was noted while all else ended.
func (a *auditor) close() error { return a.book.Save() }

// service answers members, where this machine is a controller.
func (a *auditor) service(caller func(context.Context) (identity.NodeID, error)) api.WitnessService {
	return api.WitnessService{
		View: a.life.view, Replica: a.life.replica, Witness: a.witness, Key: a.life.key, Caller: caller, Rates: a.rates,
	}
}

// ways are the controllers to ask: this machine itself where it is one.
func (a *auditor) ways() []api.Way {
	var out []api.Way
	if a.life.orders() {
		self := a.life.key.ID()
		out = append(out, api.Way{
			Node: self, Close: func() {},
			WitnessServiceClient: a.service(func(context.Context) (identity.NodeID, error) { return self, nil }),
		})
	}
	for _, door := range a.life.doors() {
		w := client.NewWitness(a.life.key, door.Node, door.Addresses)
		out = append(out, api.Way{Node: door.Node, WitnessServiceClient: w, Close: w.Close})
	}
	return out
}

// deliver hands notes to a controller, oldest first, until ctx ends.
func (a *auditor) deliver(ctx context.Context) {
	const shortest, longest = 500 * time.Millisecond, 15 * time.Second
	wait := shortest
	for {
		watch := a.book.Watch()
		if notes := a.book.Waiting(); len(notes) > 0 {
			if a.hand(ctx, notes) {
				wait = shortest
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(jitter(wait)):
			}
			wait = min(2*wait, longest)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-watch:
		}
	}
}

// hand gives notes to the first controller that shows that its log has them.
func (a *auditor) hand(ctx context.Context, notes []*warrenv1.Statement) bool {
	for _, w := range a.ways() {
		if ctx.Err() != nil {
			return false
		}
		ask, cancel := context.WithTimeout(ctx, askFor)
		res, err := w.Note(ask, &warrenv1.NoteRequest{Notes: notes})
		cancel()
		w.Close()
		switch {
		case err != nil && fault.KindOf(err) == fault.Unavailable:
			continue
		case err != nil:
			a.life.log.Warn("notes of sessions were refused", "part", "audit", "node", w.Node.Short(), "err", err)
			continue
		case res.GetChain() != nil:
			a.book.Anew(res.GetChain().GetChain())
			return true
		}
		done, err := a.shown(w.Node, notes, res)
		if done != nil {
			a.book.Done(*done)
		}
		if err != nil {
			a.suspect(w.Node, "it took notes of sessions and did not show them in its log: "+err.Error())
			continue
		}
		return true
	}
	return false
}

// shown checks that a controller's signed log has the notes, and gives the
// last one it has.
func (a *auditor) shown(node identity.NodeID, notes []*warrenv1.Statement, res *warrenv1.NoteResponse) (done *audit.Note, err error) {
	c, err := audit.OpenCheckpoint(res.GetCheckpoint(), a.life.mesh)
	if err != nil || c.Node != node || len(res.GetNoted()) != len(notes) {
		return nil, fmt.Errorf("%d records under no checkpoint of its own: %w", len(res.GetNoted()), errors.Join(err))
	}
	_, _ = a.hear(c.Statement) // what contradicts is told there
	for i, s := range notes {
		n, err := audit.OpenNote(s, a.life.mesh)
		if err != nil {
			return done, err
		}
		r, err := audit.Decode(res.GetNoted()[i].GetRecord())
		if err != nil {
			return done, err
		}
		if !proto.Equal(r.GetNote(), s) || !bytes.Equal(r.GetStatement(), n.Hash[:]) {
			return done, fmt.Errorf("record %d carries another note", r.GetSequence())
		}
		if err := audit.CheckInclusion(res.GetNoted()[i].GetRecord(), r.GetSequence(), res.GetNoted()[i].GetProof(), c.Size, c.Root); err != nil {
			return done, err
		}
		done = &n
	}
	return done, nil
}

// suspect keeps why a controller is not believed.
func (a *auditor) suspect(node identity.NodeID, why string) {
	a.mu.Lock()
	_, known := a.lies[node]
	a.lies[node] = why
	a.mu.Unlock()
	if !known {
		a.life.log.Error("controller is not to be believed", "part", "audit", "node", node.Short(), "err", why)
	}
}

// hear takes in a checkpoint.
func (a *auditor) hear(s *warrenv1.Statement) (news bool, err error) {
	news, err = a.witness.Hear(s)
	if errors.Is(err, audit.ErrContradiction) {
		a.life.log.Error("controllers vouch for two histories of the audit log", "part", "audit", "err", err)
	}
	return news, err
}

// vouch signs for this controller's log each minute and after changes.
func (a *auditor) vouch(ctx context.Context) {
	r := a.life.replica
	if r == nil {
		return
	}
	// A replica that has just started reads its log anew: until it holds all
	// that was ordered, it would vouch for less than it did before.
	for r.council.Current(ctx) != nil {
		select {
		case <-time.After(vouchPause):
		case <-ctx.Done():
			return
		}
	}
	var size uint64
	for due := time.Now(); a.life.orders(); {
		watch := r.State().Watch()
		log := r.State().Snapshot().Audit()
		if now := time.Now(); log.Size() != size || !now.Before(due) {
			signed, err := a.witness.Vouch(log, a.life.key, now)
			switch {
			case err != nil:
				a.suspect(a.life.key.ID(), err.Error())
			case signed:
				a.remember(true) // or a clock set back would make it contradict itself
				c, _ := a.witness.Of(a.life.key.ID())
				a.life.gossip.Say(c.Statement)
			}
			size, due = log.Size(), now.Add(vouchEvery)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		case <-watch:
			select {
			case <-ctx.Done():
				return
			case <-time.After(vouchPause):
			}
		}
	}
}

// compare asks for the proofs that are due, and keeps what this machine
// remembers on disk.
func (a *auditor) compare(ctx context.Context) {
	for {
		watch := a.witness.Watch()
		a.remember(false)
		wait := time.Duration(-1)
		if len(a.witness.Due()) > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(rand.N(compareWithin)):
			}
			if a.settle(ctx) {
				continue
			}
			wait = compareAgain
		}
		var again <-chan time.Time
		if wait >= 0 {
			again = time.After(jitter(wait))
		}
		select {
		case <-ctx.Done():
			return
		case <-watch:
		case <-again:
		}
	}
}

// remember stores what the witness knows: at once where it was compared, and
// now and then that a controller vouched for the same once more.
func (a *auditor) remember(now bool) {
	a.storing.Lock()
	defer a.storing.Unlock()
	kept := fmt.Sprint(len(a.witness.Contradictions()))
	for _, c := range a.witness.Line() {
		kept += fmt.Sprint(" ", c.Size)
	}
	if !now && kept == a.kept && time.Since(a.stored) < rememberEvery {
		return
	}
	a.kept, a.stored = kept, time.Now()
	data, err := a.witness.Marshal()
	if err == nil {
		err = a.life.home.SaveCheckpoints(data)
	}
	if err != nil {
		a.life.log.Error("checkpoints of the audit log were not stored", "part", "audit", "err", err)
	}
}

// settle asks for every proof that is due, and reports whether none is left.
func (a *auditor) settle(ctx context.Context) bool {
	open := map[identity.NodeID]bool{}
	for _, q := range a.witness.Due() {
		if !a.ask(ctx, q) {
			open[q.Told.Node] = true
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.doubt {
		if !open[id] {
			delete(a.doubt, id)
		}
	}
	for id := range open {
		if _, since := a.doubt[id]; !since {
			a.doubt[id] = time.Now()
		}
	}
	return len(open) == 0
}

// ask puts one question: to the controller in question first, for its proof
// decides either way.
func (a *auditor) ask(ctx context.Context, q audit.Question) bool {
	from, to := q.Sizes()
	ways := a.ways()
	for i, w := range ways {
		if w.Node == q.Told.Node {
			ways[0], ways[i] = ways[i], ways[0]
		}
	}
	settled := false
	for _, w := range ways {
		if !settled && ctx.Err() == nil {
			one, cancel := context.WithTimeout(ctx, askFor/2)
			res, err := w.Consistency(one, &warrenv1.ConsistencyRequest{From: from, To: to})
			cancel()
			if err == nil {
				err = a.witness.Settle(q, res.GetProof(), w.Node)
				if errors.Is(err, audit.ErrContradiction) {
					a.life.log.Error("controller vouches for two histories of the audit log", "part", "audit", "node", q.Told.Node.Short(), "err", err)
					a.life.gossip.Say(q.Held.Statement)
					a.life.gossip.Say(q.Told.Statement)
				}
				settled = err == nil || errors.Is(err, audit.ErrContradiction)
			}
		}
		w.Close()
	}
	return settled
}

// warnings are what a person should know of the audit log.
func (a *auditor) warnings() []string {
	var out []string
	name := func(id identity.NodeID) string {
		if d, ok := a.life.view.Now().Log.Device(id); ok {
			return d.Name
		}
		return "node " + id.Short()
	}
	for _, k := range a.witness.Contradictions() {
		out = append(out, "audit: "+api.Contradicts(k, name)+"; run warren audit verify, and revoke that controller")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, why := range a.lies {
		out = append(out, "audit: "+name(id)+": "+why)
	}
	for id, since := range a.doubt {
		if time.Since(since) > doubtAfter {
			out = append(out, "audit: what "+name(id)+" vouches for could not be compared since "+since.UTC().Format(time.RFC3339))
		}
	}
	out = append(out, a.life.replica.warnings()...)
	if n := a.book.Dropped(); n > 0 {
		out = append(out, fmt.Sprintf("audit: %d notes of sessions on this machine were dropped, for no controller took them", n))
	}
	return out
}
