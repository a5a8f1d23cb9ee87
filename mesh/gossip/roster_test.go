package gossip

import (
	"errors"
	"testing"
	"time"

	"warren/mesh/identity"
)

// table is a roster with two peers, and what it asked for.
type table struct {
	*roster
	f        *fleet
	urgents  int
	notices  []Event
	expelled []identity.NodeID
	heards   []identity.NodeID
}

func newTable(t *testing.T) *table {
	f := newFleet(t, 3, 40)
	r := &table{f: f, roster: newRoster(f.ids[0], f.mesh, func(id identity.NodeID) bool { return f.book[f.mesh.Address(id)] == id })}
	r.urgent = func() { r.urgents++ }
	r.notice = func(e Event) { r.notices = append(r.notices, e) }
	r.expel = func(id identity.NodeID, _ uint32) { r.expelled = append(r.expelled, id) }
	r.heard = func(id identity.NodeID) { r.heards = append(r.heards, id) }
	r.apply(f.ids)
	return r
}

func (r *table) word(n int, counter uint64, ceiling uint32, head Head) []byte {
	return seal(r.f.keys[n], r.f.mesh, meta{Told: Told{Head: head}, counter: counter, ceiling: ceiling})
}

// TestVouchByCounter: an older word counts only from its own mouth, as when a
// clock was set back.
func TestVouchByCounter(t *testing.T) {
	r := newTable(t)
	a, b := r.f.ids[1], r.f.ids[2]
	for _, step := range []struct {
		name    string
		source  identity.NodeID
		counter uint64
		want    error
		head    uint64
	}{
		{"first", b, 50, nil, 50},
		{"newer", b, 60, nil, 60},
		{"older, from another", b, 55, errReplayed, 60},
		{"the same again, from another", b, 60, nil, 60},
		{"older, from itself", a, 7, nil, 7},
		{"newer than that, from another", b, 8, nil, 8},
	} {
		err := r.vouch(step.source, a, r.word(1, step.counter, 10, headOf(step.counter)), 3)
		if !errors.Is(err, step.want) || (step.want == nil && err != nil) {
			t.Errorf("%s: %v, want %v", step.name, err, step.want)
		}
		if m, _ := r.one(a); m.Head.Entries != step.head {
			t.Errorf("%s: head %d, want %d", step.name, m.Head.Entries, step.head)
		}
	}
	if len(r.notices) != 1 || r.notices[0].Kind != HeadBackwards || r.notices[0].Now != headOf(7) {
		t.Errorf("notices: %+v", r.notices)
	}
}

// TestOwnWordOfEarlierRun: a machine whose clock was set back hears its own
// earlier words, and counts on from them.
func TestOwnWordOfEarlierRun(t *testing.T) {
	r := newTable(t)
	now := time.UnixMilli(1000)
	r.renew(r.f.keys[0], Told{}, now)
	if err := r.vouch(r.f.ids[1], r.f.ids[0], r.word(0, 900, 500, Head{}), 400); err != nil {
		t.Errorf("an earlier word: %v", err)
	}
	// 400 has been answered with 401, beyond what the present word is good for.
	if _, again := r.spoken(); !again || r.urgents != 1 {
		t.Errorf("after a higher incarnation: due %v, %d urgent", again, r.urgents)
	}
	r.renew(r.f.keys[0], Told{}, now)
	if r.me.ceiling <= 401 || r.me.counter != 1001 {
		t.Errorf("the new word: counter %d, good to %d", r.me.counter, r.me.ceiling)
	}
	if err := r.vouch(r.f.ids[1], r.f.ids[0], r.word(0, 1<<40, 500, Head{}), 3); err != nil {
		t.Errorf("a later word: %v", err)
	}
	if _, again := r.spoken(); !again {
		t.Error("a higher counter of our own does not make us speak")
	}
	r.renew(r.f.keys[0], Told{}, now)
	if r.me.spoken != 1<<40+1 {
		t.Errorf("counter %d", r.me.spoken)
	}
	if _, again := r.spoken(); again {
		t.Error("it goes on")
	}
	if err := r.vouch(r.f.ids[1], r.f.ids[0], r.word(1, 5, 500, Head{}), 3); !errors.Is(err, errForged) {
		t.Errorf("another's word as our own: %v", err)
	}
}

// TestCeiling: nobody can push an incarnation beyond what its owner signed.
func TestCeiling(t *testing.T) {
	r := newTable(t)
	a, b := r.f.ids[1], r.f.ids[2]
	if err := r.accuse(a, b, 1, nil); !errors.Is(err, errStranger) {
		t.Errorf("who has said nothing was accused: %v", err)
	}
	if err := r.vouch(a, a, r.word(1, 1, 10, Head{}), 1); err != nil {
		t.Fatal(err)
	}
	for incarnation, want := range map[uint32]error{0: nil, 10: nil, 11: errSuperior, 1<<32 - 1: errSuperior} {
		if err := r.accuse(a, b, incarnation, nil); !errors.Is(err, want) {
			t.Errorf("accused of %d: %v", incarnation, err)
		}
		if err := r.vouch(b, a, r.word(1, 1, 10, Head{}), incarnation); !errors.Is(err, want) {
			t.Errorf("alive in %d: %v", incarnation, err)
		}
	}
	if err := r.accuse(a, testKey(1, 1).ID(), 1, nil); !errors.Is(err, errStranger) {
		t.Errorf("accused by a stranger: %v", err)
	}
}

// TestBuried: one voice is a suspicion, two are a death.
func TestBuried(t *testing.T) {
	r := newTable(t)
	a, b := r.f.ids[1], r.f.ids[2]
	for i, step := range []struct {
		source      identity.NodeID
		incarnation uint32
		want        bool
	}{
		{b, 4, false},
		{b, 4, false},
		{r.f.ids[0], 4, true},
		{b, 5, false},
		{r.f.ids[0], 6, false},
		{a, 6, true},
	} {
		if got := r.buried(step.source, a, step.incarnation); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

// TestApply: who is no peer any more is gone at once and put out, and comes
// back clean.
func TestApply(t *testing.T) {
	r := newTable(t)
	now := time.UnixMilli(5)
	a := r.f.ids[1]
	if isPeer, ok := r.admits(a, now); !isPeer || !ok || len(r.heards) != 1 {
		t.Errorf("a peer: %v %v, heard %d", isPeer, ok, len(r.heards))
	}
	if r.admits(a, now); len(r.heards) != 1 {
		t.Error("heard twice at once")
	}
	if err := r.vouch(a, a, r.word(1, 1, 10, Head{}), 6); err != nil {
		t.Fatal(err)
	}
	r.mark(a, true, now)
	watch := r.watch()
	if r.apply(r.f.ids[:1]) {
		t.Error("leaving was taken for coming")
	}
	select {
	case <-watch:
	default:
		t.Error("the picture did not change")
	}
	if len(r.picture()) != 0 || len(r.expelled) != 1 {
		t.Errorf("picture %v, expelled %d", r.picture(), len(r.expelled))
	}
	if isPeer, _ := r.admits(a, now); isPeer {
		t.Error("its packets are read")
	}
	if err := r.vouched(a, r.word(1, 1, 10, Head{})); !errors.Is(err, errStranger) {
		t.Errorf("it may be listed: %v", err)
	}
	r.mark(a, true, now) // it slipped in
	if len(r.expelled) != 2 {
		t.Error("it was not put out again")
	}
	if !r.apply(r.f.ids) || len(r.picture()) != 2 || r.picture()[0].Online || r.picture()[1].Online {
		t.Errorf("after its return: %+v", r.picture())
	}
}
