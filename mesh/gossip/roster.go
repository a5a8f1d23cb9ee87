package gossip

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"warren/mesh/identity"
)

// What one peer may ask of us. An honest one of a pool of two needs a tenth.
const (
	packetRate  = 100 // a second
	packetBurst = 300
	streamRate  = 10 // a second
	streamBurst = 30
	streamsEach = 4 // at a time
)

// fewPeers is how many members are told one by one.
const fewPeers = 16

// greetAgain lies between two attempts to meet a peer because it was heard.
const greetAgain = 5 * time.Second

// headroom is how many incarnations one meta is good for. Each refuted lie
// costs one; near the end the member signs a new meta.
const (
	headroom = 256
	nearEnd  = 32
)

var (
	errStranger = errors.New("not a member of this pool")
	errForged   = errors.New("not said by the one it speaks of")
	errReplayed = errors.New("older than what is known")
	errSuperior = errors.New("incarnation beyond what the member signed")
)

// roster is the table of this pool: whom the plan lets us meet, what they said
// of themselves, and who is up.
type roster struct {
	self   identity.NodeID
	mesh   identity.MeshID
	member func(identity.NodeID) bool
	// urgent asks for a new meta of our own; notice takes an event; expel wants
	// a member out of the library's list. None of them may block.
	// heard gets a peer that speaks although it is not listed.
	urgent func()
	notice func(Event)
	expel  func(identity.NodeID, uint32)
	heard  func(identity.NodeID)

	mu      sync.Mutex // guards the following; never held while calling out
	peers   map[identity.NodeID]*peer
	byAddr  map[netip.Addr]identity.NodeID
	gone    map[identity.NodeID]uint32 // incarnation of those put out
	me      own
	changed chan struct{}
}

// own is this machine as the others may see it.
type own struct {
	raw         []byte
	told        Told
	counter     uint64 // the highest used, by earlier runs too as far as known
	spoken      uint64 // the one in raw
	ceiling     uint32
	incarnation uint32 // no lower than the library's
	again       bool   // raw is not heard: an earlier run had a higher counter
}

type peer struct {
	Member
	raw         []byte // the meta the Told of Member came from; nil before
	counter     uint64
	ceiling     uint32
	incarnation uint32 // the highest let through
	packets     *rate.Limiter
	streams     *rate.Limiter
	open        int             // streams
	greeted     time.Time       // when it was last to be met because it was heard
	buriedBy    identity.NodeID // who said first that it is dead, in
	buriedAs    uint32          // this incarnation
}

func newRoster(self identity.NodeID, mesh identity.MeshID, member func(identity.NodeID) bool) *roster {
	return &roster{
		self: self, mesh: mesh, member: member,
		peers: map[identity.NodeID]*peer{}, gone: map[identity.NodeID]uint32{}, changed: make(chan struct{}),
	}
}

// apply makes ids the peers. It reports whether some came in addition.
func (r *roster) apply(ids []identity.NodeID) (added bool) {
	type expelled struct {
		id          identity.NodeID
		incarnation uint32
	}
	var out []expelled
	r.mu.Lock()
	next := make(map[identity.NodeID]*peer, len(ids))
	byAddr := make(map[netip.Addr]identity.NodeID, len(ids))
	for _, id := range ids {
		if id == r.self {
			continue
		}
		p := r.peers[id]
		if p == nil {
			p = &peer{
				Member:  Member{ID: id},
				packets: rate.NewLimiter(packetRate, packetBurst),
				streams: rate.NewLimiter(streamRate, streamBurst),
			}
			added = true
			delete(r.gone, id)
		}
		next[id] = p
		byAddr[r.mesh.Address(id)] = id
	}
	for id, p := range r.peers {
		if next[id] == nil && p.raw != nil {
			r.gone[id] = p.incarnation
			out = append(out, expelled{id, p.incarnation})
		}
	}
	if added || len(next) != len(r.peers) {
		r.wake()
	}
	r.peers, r.byAddr = next, byAddr
	r.mu.Unlock()
	for _, e := range out {
		r.expel(e.id, e.incarnation)
	}
	return added
}

func (r *roster) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *roster) watch() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// admits tells whether a packet of a peer may be looked at.
func (r *roster) admits(id identity.NodeID, now time.Time) (isPeer, ok bool) {
	r.mu.Lock()
	p := r.peers[id]
	isPeer = p != nil
	ok = isPeer && p.packets.AllowN(now, 1)
	unlisted := ok && !p.Online && now.Sub(p.greeted) > greetAgain
	if unlisted {
		p.greeted = now
	}
	r.mu.Unlock()
	if unlisted {
		r.heard(id)
	}
	return isPeer, ok
}

func (r *roster) openStream(id identity.NodeID) (isPeer, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil || p.open >= streamsEach || !p.streams.Allow() {
		return p != nil, false
	}
	p.open++
	return true, true
}

func (r *roster) closeStream(id identity.NodeID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[id]; p != nil && p.open > 0 {
		p.open--
	}
}

// whose names the peer that has an overlay address.
func (r *roster) whose(a netip.Addr) (identity.NodeID, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, ok := r.byAddr[a]
	return id, ok
}

func (r *roster) isPeer(id identity.NodeID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peers[id] != nil
}

// vouch checks that id may be said to be alive with meta raw and incarnation,
// as source says. Peers may speak of each other; the words must be the
// subject's own.
func (r *roster) vouch(source, id identity.NodeID, raw []byte, incarnation uint32) error {
	if id == r.self {
		return r.vouchSelf(raw, incarnation)
	}
	if !r.member(id) {
		return errStranger
	}
	r.mu.Lock()
	p := r.peers[id]
	known := p != nil && bytes.Equal(p.raw, raw)
	var held meta
	if known {
		held = meta{counter: p.counter, ceiling: p.ceiling}
	}
	r.mu.Unlock()
	switch {
	case p == nil:
		return errStranger
	case !known:
		var err error
		if held, err = openMeta(r.mesh, raw); err != nil {
			return errors.Join(errForged, err)
		}
		if held.node != id {
			return fmt.Errorf("%w: meta of %s", errForged, held.node.Short())
		}
	}
	if incarnation > held.ceiling || incarnation == math.MaxUint32 {
		return errSuperior
	}
	return r.take(source, id, raw, held, incarnation, known)
}

// take keeps a meta that proved genuine unless a newer one is known. From the
// member itself even an older one counts: its clock may have been set back,
// and no third party can send from its address.
func (r *roster) take(source, id identity.NodeID, raw []byte, m meta, incarnation uint32, known bool) error {
	r.mu.Lock()
	p := r.peers[id]
	if p == nil {
		r.mu.Unlock()
		return errStranger
	}
	if m.counter < p.counter && source != id {
		r.mu.Unlock()
		return errReplayed
	}
	p.incarnation = max(p.incarnation, incarnation)
	if known {
		r.mu.Unlock()
		return nil
	}
	was, first := p.Told, p.raw == nil
	p.raw, p.Told, p.counter, p.ceiling = bytes.Clone(raw), m.Told, m.counter, m.ceiling
	if was != p.Told {
		r.wake()
	}
	r.mu.Unlock()
	if !first && m.Head.Entries < was.Head.Entries {
		r.notice(Event{Kind: HeadBackwards, Node: id, Was: was.Head, Now: m.Head})
	}
	return nil
}

// vouchSelf judges what others say of this machine. Words of an earlier run
// are genuine too; the library answers them with a higher incarnation.
func (r *roster) vouchSelf(raw []byte, incarnation uint32) error {
	r.mu.Lock()
	same := bytes.Equal(raw, r.me.raw)
	r.mu.Unlock()
	var earlier meta
	if !same {
		var err error
		if earlier, err = openMeta(r.mesh, raw); err != nil {
			return errors.Join(errForged, err)
		}
		if earlier.node != r.self {
			return errForged
		}
	}
	r.mu.Lock()
	ceiling := r.me.ceiling
	if !same {
		ceiling = earlier.ceiling
		// Our clock was set back since: the next meta must count on from here.
		r.me.counter = max(r.me.counter, earlier.counter)
	}
	if incarnation > ceiling || incarnation == math.MaxUint32 {
		r.mu.Unlock()
		return errSuperior
	}
	if !same && earlier.counter >= r.me.spoken {
		r.me.again = true
	}
	again := r.refuted(incarnation)
	r.mu.Unlock()
	if again {
		r.urgent()
	}
	return nil
}

// refuted follows the library, which answers an accusation of its own
// incarnation or above with the one after it. It tells whether a new meta is
// due.
func (r *roster) refuted(incarnation uint32) bool {
	if incarnation >= r.me.incarnation {
		r.me.incarnation = incarnation + 1
	}
	return r.due()
}

// due tells whether this machine has to speak again, whatever it says.
func (r *roster) due() bool { return r.me.again || r.me.incarnation+nearEnd > r.me.ceiling }

// accuse checks that id may be said to be suspect, dead or gone by from, as
// source says. In a push/pull the accusation carries the subject's meta, else
// raw is nil.
func (r *roster) accuse(id, from identity.NodeID, incarnation uint32, raw []byte) error {
	if from != r.self && !r.member(from) {
		return errStranger
	}
	if id == r.self {
		if raw != nil {
			return r.vouchSelf(raw, incarnation)
		}
		return r.accuseSelf(incarnation)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil || p.raw == nil {
		return errStranger
	}
	if incarnation > max(p.ceiling, p.incarnation) || incarnation == math.MaxUint32 {
		return errSuperior
	}
	p.incarnation = max(p.incarnation, incarnation)
	return nil
}

// buried tells whether id may be taken for dead or gone at once, for source
// says so: if it speaks of itself, or a second one says the same. Who is really
// dead is said to be so by many within a second; what one alone says is a
// suspicion, which the living refute in time.
func (r *roster) buried(source, id identity.NodeID, incarnation uint32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if source == id || p == nil {
		return true
	}
	if p.buriedAs == incarnation && !p.buriedBy.IsZero() && p.buriedBy != source {
		return true
	}
	p.buriedBy, p.buriedAs = source, incarnation
	return false
}

func (r *roster) accuseSelf(incarnation uint32) error {
	r.mu.Lock()
	if incarnation > r.me.ceiling {
		r.mu.Unlock()
		return errSuperior
	}
	again := r.refuted(incarnation)
	r.mu.Unlock()
	if again {
		r.urgent()
	}
	return nil
}

// vouched is the last look, when the library is about to list a member.
func (r *roster) vouched(id identity.NodeID, raw []byte) error {
	if id == r.self {
		return nil
	}
	if !r.member(id) {
		return errStranger
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	if p == nil {
		return errStranger
	}
	if !bytes.Equal(p.raw, raw) {
		return errReplayed
	}
	return nil
}

// renew makes the next meta of this machine. The library takes the next
// incarnation with each.
func (r *roster) renew(key identity.NodeKey, told Told, now time.Time) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.me.told = told
	r.me.counter = max(r.me.counter+1, uint64(max(now.UnixMilli(), 0)))
	r.me.spoken, r.me.again = r.me.counter, false
	r.me.incarnation++
	r.me.ceiling = min(r.me.incarnation, math.MaxUint32-2*headroom) + headroom
	r.me.raw = seal(key, r.mesh, meta{Told: told, counter: r.me.counter, ceiling: r.me.ceiling})
	return r.me.raw
}

// spoken is what this machine said of itself last, and whether it should say
// it anew whatever it is.
func (r *roster) spoken() (told Told, again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.me.told, r.due()
}

// mark notes who came and who went.
func (r *roster) mark(id identity.NodeID, online bool, now time.Time) {
	r.mu.Lock()
	p := r.peers[id]
	if p == nil {
		incarnation, gone := r.gone[id]
		r.mu.Unlock()
		if gone && online { // it slipped in while it was put out
			r.expel(id, incarnation)
		}
		return
	}
	defer r.mu.Unlock()
	if p.Online != online {
		p.Online, p.Since = online, now
		r.wake()
	}
}

// all lists the peers in no order.
func (r *roster) all() []Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Member, 0, len(r.peers))
	for _, p := range r.peers {
		out = append(out, p.Member)
	}
	return out
}

// picture lists the peers by id.
func (r *roster) picture() []Member {
	out := r.all()
	slices.SortFunc(out, func(a, b Member) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

func (r *roster) one(id identity.NodeID) (Member, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[id]; p != nil {
		return p.Member, true
	}
	return Member{}, false
}

// leaves are the peers online that have few peers themselves, so that they may
// not hear from others what we say to some.
func (r *roster) leaves() []identity.NodeID {
	return r.online(func(peers, ours int) bool { return peers <= fewPeers || peers < ours/4 })
}

// lesser are the peers online that have clearly fewer peers than we.
func (r *roster) lesser() []identity.NodeID {
	return r.online(func(peers, ours int) bool { return peers < ours*3/4 })
}

func (r *roster) online(want func(peers, ours int) bool) []identity.NodeID {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []identity.NodeID
	for id, p := range r.peers {
		if p.Online && want(int(p.Peers), len(r.peers)) {
			out = append(out, id)
		}
	}
	return out
}

func (r *roster) isOnline(id identity.NodeID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[id]
	return p != nil && p.Online
}

// pick chooses up to n peers at random, of those that are online or of those
// that are not. n below zero is all.
func (r *roster) pick(n int, online bool) []identity.NodeID {
	r.mu.Lock()
	var out []identity.NodeID
	for id, p := range r.peers {
		if p.Online == online {
			out = append(out, id)
		}
	}
	r.mu.Unlock()
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	if n >= 0 && len(out) > n {
		out = out[:n]
	}
	return out
}

// count tells how many peers are online, and how many there are.
func (r *roster) count() (online, all int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		if p.Online {
			online++
		}
	}
	return online, len(r.peers)
}
