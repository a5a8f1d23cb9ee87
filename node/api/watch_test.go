package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/engine"
	"warren/mesh/gossip"
	"warren/mesh/identity"
)

// told is gossip that a test writes.
type told struct {
	*world
	mu sync.Mutex
	up map[identity.NodeID]bool
}

func (g *told) Picture() (out []gossip.Member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, up := range g.up {
		out = append(out, gossip.Member{ID: id, Online: up})
	}
	return out
}

func newWatcher(r *Running) *watcher {
	return &watcher{run: r, changed: map[string]bool{}, rows: map[identity.NodeID]bool{}, paths: map[identity.NodeID]bool{}}
}

// TestWatcher: what changes is told once, and what does not is not.
func TestWatcher(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kiosk := w.device("kiosk", "kiosk")
	r := w.running()
	g := &told{world: w, up: map[identity.NodeID]bool{}}
	r.Gossip, r.Looks = g, NewLooks(r.Self, "linux")
	ctx, cancel := context.WithCancel(t.Context())
	sent, looked, ledgers := make(chan *warrenv1.WatchResponse), make(chan []Path), make(chan *warrenv1.LedgerResponse)
	send := func(m *warrenv1.WatchResponse) error {
		select {
		case sent <- m:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var refusal error
	var admitting sync.Mutex
	admit := func() error {
		admitting.Lock()
		defer admitting.Unlock()
		return refusal
	}
	done := make(chan error, 1)
	go func() { done <- newWatcher(r).work(ctx, send, admit, looked, ledgers) }()
	hears := func(what string) *warrenv1.WatchResponse {
		t.Helper()
		select {
		case m := <-sent:
			return m
		case err := <-done:
			t.Fatalf("%s: the watcher ended: %v", what, err)
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: nothing is told", what)
		}
		return nil
	}
	want := func(what string, m *warrenv1.WatchResponse, topics ...string) {
		t.Helper()
		got := slices.Sorted(slices.Values(m.GetChanged()))
		slices.Sort(topics)
		if !slices.Equal(got, topics) {
			t.Errorf("%s: %q changed, want %q", what, got, topics)
		}
	}
	if m := hears("the beginning"); len(m.GetChanged()) != len(topics()) || len(m.GetDevices()) != 0 {
		t.Errorf("the beginning: %v", m)
	}
	web := w.device("web", "web")
	m := hears("a new device")
	want("a new device", m, "status", "devices", "controllers", "technicians", "invites")
	if len(m.GetDevices()) != 1 || m.GetDevices()[0].GetName() != "web" {
		t.Errorf("rows of a new device: %v", m.GetDevices())
	}
	g.mu.Lock()
	g.up[kiosk.ID] = true
	g.mu.Unlock()
	m = hears("one that comes up")
	want("one that comes up", m, "status", "devices")
	if len(m.GetDevices()) != 1 || m.GetDevices()[0].GetName() != "kiosk" || !m.GetDevices()[0].GetOnline() {
		t.Errorf("rows of one that comes up: %v", m.GetDevices())
	}
	lan := Path{ID: kiosk.ID, Online: true, Pong: engine.Pong{Kind: engine.KindLAN}}
	looked <- []Path{lan}
	slower := lan
	slower.Pong.RTT = time.Second
	looked <- []Path{slower}
	// The same way, only slower, is no news; another way is.
	other := lan
	other.Pong.Kind = engine.KindMemberUDP
	looked <- []Path{other}
	m = hears("another way")
	want("another way", m, "status", "peers")
	if len(m.GetPeers()) != 1 || m.GetPeers()[0].GetPath().GetKind() != "member-udp" {
		t.Errorf("peers: %v", m.GetPeers())
	}
	ledgers <- &warrenv1.LedgerResponse{}
	ledgers <- nil
	ledgers <- &warrenv1.LedgerResponse{Claims: []*warrenv1.StoredClaim{{From: "x"}}}
	want("a claim", hears("a claim"), "pending", "invites")
	w.revokeNode(web)
	m = hears("a revocation")
	if len(m.GetDevices()) != 1 || !m.GetDevices()[0].GetRevoked() {
		t.Errorf("rows of a revocation: %v", m.GetDevices())
	}
	admitting.Lock()
	refusal = errors.New("no more")
	admitting.Unlock()
	if err := <-done; !errors.Is(err, refusal) {
		t.Errorf("who is not answered any more: %v", err)
	}
	cancel()
}

// BenchmarkRefresh is what a page costs each second in a large mesh.
func BenchmarkRefresh(b *testing.B) {
	const devices = 1000 // each rewrites the view, so more take minutes to make
	world := newWorld(b)
	for i := range devices {
		name := fmt.Sprintf("d-%d", i)
		world.device(name, name)
	}
	r := world.running()
	w := newWatcher(r)
	w.begin()
	_ = w.take()
	b.ResetTimer()
	for range b.N {
		w.hear()
	}
	if len(w.changed) != 0 {
		b.Fatalf("changed: %v", w.changed)
	}
}
