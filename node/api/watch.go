package api

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/gossip"
	"warren/mesh/identity"
	"warren/node/view"
)

const (
	// watchPause is the least time between two messages of a Watch.
	watchPause = 250 * time.Millisecond
	// keepAlive is the most.
	keepAlive = 15 * time.Second
	// hearEvery is how often gossip and sessions are looked at, both of which
	// lie in this machine's memory.
	hearEvery = time.Second
	// lookEvery is how often the peers are asked for their paths, and lookEach
	// later for each of many; ledgerEvery is how often a controller is asked for
	// invites and claims.
	lookEvery   = 5 * time.Second
	lookEach    = 10 * time.Millisecond
	ledgerEvery = 3 * time.Second
)

// topics are all that a Watch may name.
func topics() []string {
	return []string{"status", "devices", "peers", "invites", "pending", "policy", "sessions", "audit", "controllers", "technicians"}
}

// watcher is one page that watches.
//
//	view     (as it changes)  ----+
//	gossip, sessions (1 s)    ----+--> pending message --> stream, at most 4 a second
//	paths (5 s), ledger (3 s) ----+
type watcher struct {
	run     *Running
	now     view.Now
	devices map[identity.NodeID]*warrenv1.Device // as the page knows them
	peers   map[identity.NodeID]*warrenv1.Peer
	session [sha256.Size]byte
	counted bool
	ledger  [2][sha256.Size]byte // of invites, of claims

	changed map[string]bool
	rows    map[identity.NodeID]bool // devices to send
	gone    []string
	paths   map[identity.NodeID]bool
}

// Watch implements ConsoleService.
func (s consoleService) Watch(ctx context.Context, _ *warrenv1.WatchRequest, stream *connect.ServerStream[warrenv1.WatchResponse]) error {
	r, err := s.running()
	if err != nil {
		return err
	}
	w := &watcher{run: r, changed: map[string]bool{}, rows: map[identity.NodeID]bool{}, paths: map[identity.NodeID]bool{}}
	uid := callerOf(ctx)
	g, ctx := errgroup.WithContext(ctx)
	looked, ledgers := make(chan []Path), make(chan *warrenv1.LedgerResponse)
	// Who is asked may not answer for long; the rest goes on meanwhile.
	g.Go(func() error {
		pause := func(paths []Path) time.Duration { return lookEvery + time.Duration(len(paths))*lookEach }
		return every(ctx, looked, r.Presence.Look, pause)
	})
	g.Go(func() error {
		pause := func(*warrenv1.LedgerResponse) time.Duration { return ledgerEvery }
		return every(ctx, ledgers, r.ledger, pause)
	})
	g.Go(func() error {
		return w.work(ctx, stream.Send, func() error { return s.Admit(uid) }, looked, ledgers)
	})
	return g.Wait()
}

// every asks again and again, and hands over what it hears.
func every[T any](ctx context.Context, to chan<- T, ask func(context.Context) T, pause func(T) time.Duration) error {
	for {
		heard := ask(ctx)
		select {
		case to <- heard:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-time.After(pause(heard)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ledger is what a controller has of invites and claims; nil where none
// answers, or the caller may not know.
func (r *Running) ledger(ctx context.Context) *warrenv1.LedgerResponse {
	if _, _, err := r.person(ctx); err != nil || r.Looks == nil {
		return nil
	}
	return r.Looks.look(ctx, r)
}

// work sends what is news until ctx ends, the page is gone, or admit says that
// it is not answered any more.
func (w *watcher) work(ctx context.Context, send func(*warrenv1.WatchResponse) error, admit func() error, looked <-chan []Path, ledgers <-chan *warrenv1.LedgerResponse) error {
	w.begin()
	hear := time.NewTicker(hearEvery)
	defer hear.Stop()
	quiet := time.NewTimer(keepAlive)
	defer quiet.Stop()
	for {
		watch := w.run.View.Watch()
		w.agree()
		if out := w.take(); out != nil {
			if err := send(out); err != nil {
				return err
			}
			quiet.Reset(keepAlive)
			select {
			case <-time.After(watchPause):
			case <-ctx.Done():
				return ctx.Err()
			}
			continue // what changed meanwhile goes next
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch:
		case <-hear.C:
			if err := admit(); err != nil {
				return err
			}
			w.hear()
		case paths := <-looked:
			w.look(paths)
		case ledger := <-ledgers:
			w.count(ledger)
		case <-quiet.C:
			if err := send(&warrenv1.WatchResponse{}); err != nil {
				return err
			}
			quiet.Reset(keepAlive)
		}
	}
}

// begin takes what the page will fetch first as known to it.
func (w *watcher) begin() {
	w.now = w.run.View.Now()
	w.devices, w.peers = map[identity.NodeID]*warrenv1.Device{}, map[identity.NodeID]*warrenv1.Peer{}
	heard := w.run.heard()
	for d := range w.now.Log.Devices() {
		w.devices[d.ID] = w.run.deviceNow(w.now.Log, d, heard)
	}
	w.session = w.sessions()
	for _, t := range topics() {
		w.changed[t] = true
	}
}

// agree finds what is new in what all agree on.
func (w *watcher) agree() {
	before, now := w.now, w.run.View.Now()
	w.now = now
	if now.Revision != before.Revision {
		w.changed["status"], w.changed["audit"] = true, true
	}
	if now.Leader != before.Leader || !slices.Equal(now.Voters, before.Voters) {
		w.changed["status"], w.changed["controllers"] = true, true
	}
	if string(now.PolicyText) != string(before.PolicyText) {
		w.changed["policy"] = true
	}
	if now.Log == before.Log {
		return
	}
	for _, t := range []string{"status", "controllers", "technicians", "invites"} {
		w.changed[t] = true
	}
	w.compare()
}

// hear finds who came and went, and which sessions began and ended.
func (w *watcher) hear() {
	w.refresh()
	if s := w.sessions(); s != w.session {
		w.session = s
		w.changed["sessions"], w.changed["audit"] = true, true
	}
}

// compare finds the devices whose records are not as the page knows them.
func (w *watcher) compare() {
	heard := w.run.heard()
	gone := maps.Clone(w.devices)
	for d := range w.now.Log.Devices() {
		delete(gone, d.ID)
		next := w.run.deviceNow(w.now.Log, d, heard)
		if before, known := w.devices[d.ID]; !known || !proto.Equal(before, next) {
			w.row(d.ID, next)
		}
	}
	for id := range gone {
		delete(w.devices, id)
		delete(w.rows, id)
		w.gone = append(w.gone, id.String())
		w.changed["devices"] = true
	}
}

// refresh finds the devices that came or went, or are reached in another way.
// How long the way takes is never the same, and no news.
func (w *watcher) refresh() {
	heard := w.run.heard()
	for d := range w.now.Log.Devices() {
		before := w.devices[d.ID]
		online := (heard[d.ID].Online || d.ID == w.run.Self) && !d.Revoked
		if before.GetOnline() != online {
			w.changed["status"] = true
		} else if before.GetOs() == w.run.Looks.system(d.ID) && sameWay(before.GetPath(), w.run.pathTo(d)) {
			continue
		}
		w.row(d.ID, w.run.deviceNow(w.now.Log, d, heard))
	}
}

func (w *watcher) row(id identity.NodeID, next *warrenv1.Device) {
	w.devices[id], w.rows[id] = next, true
	w.changed["devices"] = true
}

// look finds the peers that are reached in another way, or not any more.
func (w *watcher) look(paths []Path) {
	heard := w.run.heard()
	first := len(w.peers) == 0
	for _, p := range paths {
		d, ok := w.now.Log.Device(p.ID)
		if !ok {
			continue
		}
		next := w.run.peerNow(w.now.Log, d, p, heard[p.ID])
		before := w.peers[p.ID]
		if before != nil && before.GetOnline() == next.GetOnline() && sameWay(before.GetPath(), next.GetPath()) {
			continue
		}
		w.peers[p.ID] = next
		if !first {
			w.paths[p.ID] = true
			w.changed["peers"], w.changed["status"] = true, true
		}
	}
	w.refresh()
}

// count finds new invites and claims. What a controller does not tell is
// unknown, and changes nothing.
func (w *watcher) count(ledger *warrenv1.LedgerResponse) {
	if ledger == nil {
		return
	}
	before := w.ledger
	for i, m := range []proto.Message{
		&warrenv1.LedgerResponse{Invites: ledger.GetInvites()}, &warrenv1.LedgerResponse{Claims: ledger.GetClaims()},
	} {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			return
		}
		w.ledger[i] = sha256.Sum256(text)
	}
	w.refresh()
	if !w.counted { // the page has not seen another one
		w.counted = true
		return
	}
	if w.ledger[0] != before[0] {
		w.changed["invites"] = true
	}
	if w.ledger[1] != before[1] {
		w.changed["pending"], w.changed["invites"] = true, true // what was used
	}
}

// sessions names the live sessions in a few bytes.
func (w *watcher) sessions() [sha256.Size]byte {
	text, _ := proto.MarshalOptions{Deterministic: true}.Marshal(&warrenv1.ListSessionsResponse{Sessions: w.run.sessions()})
	return sha256.Sum256(text)
}

// take gives what is to be told, and forgets it; nil where there is nothing.
func (w *watcher) take() *warrenv1.WatchResponse {
	if len(w.changed) == 0 {
		return nil
	}
	out := &warrenv1.WatchResponse{Gone: w.gone}
	for _, t := range topics() {
		if w.changed[t] {
			out.Changed = append(out.Changed, t)
		}
	}
	for id := range w.rows {
		out.Devices = append(out.Devices, w.devices[id])
	}
	for id := range w.paths {
		out.Peers = append(out.Peers, w.peers[id])
	}
	w.gone = nil
	clear(w.changed)
	clear(w.rows)
	clear(w.paths)
	return out
}

// deviceNow is a machine's record with what this node knows of it beyond that.
func (r *Running) deviceNow(log *trust.Log, d trust.Device, heard map[identity.NodeID]gossip.Member) *warrenv1.Device {
	out := deviceOf(log, d, heard[d.ID].Online || d.ID == r.Self)
	out.Os, out.Path = r.Looks.system(d.ID), r.pathTo(d)
	return out
}

// pathTo is how a machine was reached when it was asked last; nil where that
// is unknown.
func (r *Running) pathTo(d trust.Device) *warrenv1.Path {
	if p, ok := r.Presence.Last(d.ID); ok && !d.Revoked {
		return pathOf(p)
	}
	return nil
}
