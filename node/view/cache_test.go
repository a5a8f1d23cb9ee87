package view_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/view"
)

func TestWhatIsMergedIsOnDisk(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	m.device("cam", "device")
	m.revoke("cam")
	var d disk
	c := openOn(t, m, &d)
	if c.Now().Log != nil {
		t.Fatal("an empty cache has a log")
	}
	v := m.whole(0)
	v.Facts = []*warrenv1.Statement{m.endpoints("hub", 4)}
	if !merge(t, c, v) {
		t.Error("a first view brought nothing")
	}

	// As after a crash: only what is on disk counts.
	now := openOn(t, m, &d).Now()
	if now.Log.Head() != m.Head() || now.Log.Len() != m.Len() || now.Revision != m.Len() {
		t.Errorf("on disk: %d entries, revision %d, want %d of both", now.Log.Len(), now.Revision, m.Len())
	}
	if string(now.PolicyText) != string(defaultPolicy) || now.Policy == nil {
		t.Errorf("on disk: policy %q", now.PolicyText)
	}
	if cam, _ := now.Log.DeviceByName("cam"); !cam.Revoked {
		t.Error("on disk: the revocation is missing")
	}
	if !now.Leader.IsZero() {
		t.Error("a leader was kept on disk: who leads is known only from who leads")
	}
	if e, ok := openOn(t, m, &d).Facts().Endpoints(node(t, "hub").ID()); !ok || e.Counter != 4 {
		t.Errorf("on disk: endpoints %v, %v", e, ok)
	}

	if merge(t, c, m.whole(0)) {
		t.Error("the same again was news")
	}
	d.fail = errDisk
	m.device("box", "device")
	if _, err := c.Merge(m.whole(0)); !errors.Is(err, errDisk) {
		t.Errorf("a view that is not on disk was accepted: %v", err)
	}
}

func TestHeadNeverGoesBack(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	early := m.whole(0)
	m.device("cam", "device")
	m.replace([]byte(`{"grants": []}`))
	var d disk
	c := openOn(t, m, &d)
	merge(t, c, m.whole(0))
	head, text := m.Head(), string(m.policy)

	if merge(t, c, early) {
		t.Error("an older view was news")
	}
	late := c.Now()
	if late.Log.Head() != head || string(late.PolicyText) != text {
		t.Errorf("the head went back to %d entries, policy %q", late.Log.Len(), late.PolicyText)
	}
	if late.Revision < m.Len() {
		t.Errorf("the revision went back to %d", late.Revision)
	}
}

func TestViewsThatDoNotFit(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	m.device("cam", "device")
	held := m.whole(0)
	other := founded(t, "another")

	forked := founded(t, "one")
	forked.device("box", "device") // another entry in cam's place
	longer := forked.fork()
	longer.device("lab", "device")
	beyond := m.fork()
	beyond.device("box", "device")
	beyond.device("lab", "device")
	torn := proto.CloneOf(beyond.whole(0))
	torn.Entries[1].Payload[7] ^= 1

	claims := m.Mesh()
	foreign := other.whole(0)
	foreign.Mesh = claims[:] // says one, holds another
	stranger := proto.CloneOf(beyond.whole(m.Len()))
	for _, e := range stranger.GetEntries() {
		for _, sig := range e.GetSignatures() {
			sig.Key = publicOf(person("stranger"))
		}
	}

	tests := map[string]struct {
		view *warrenv1.View
		want error
	}{
		"a fork":                       {forked.whole(0), view.ErrFork},
		"a longer fork":                {longer.whole(0), view.ErrFork},
		"a gap":                        {beyond.whole(m.Len() + 1), view.ErrGap},
		"another mesh":                 {other.whole(0), identity.ErrStatement},
		"another mesh under this name": {foreign, view.ErrFork},
		"an altered entry":             {torn, view.ErrFork},
		"a stranger's signature":       {stranger, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var d disk
			c := openOn(t, m, &d)
			merge(t, c, held)
			before, writes := c.Now(), d.count()
			changed, err := c.Merge(tt.view)
			if err == nil || changed {
				t.Fatalf("was accepted: %v, %v", changed, err)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if now := c.Now(); now.Log != before.Log || now.Revision != before.Revision || d.count() != writes {
				t.Error("a refused view changed something")
			}
		})
	}
	t.Run("a first view that is a part", func(t *testing.T) {
		var d disk
		if _, err := openOn(t, m, &d).Merge(m.whole(1)); err == nil {
			t.Error("was accepted")
		}
	})
	t.Run("a stored view of another mesh", func(t *testing.T) {
		d := disk{data: encoded(t, other.whole(0))}
		if _, err := view.Open(m.Mesh(), &d); err == nil || !strings.Contains(err.Error(), "another mesh") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a stored view that is damaged", func(t *testing.T) {
		d := disk{data: encoded(t, held)[:99]}
		if _, err := view.Open(m.Mesh(), &d); err == nil {
			t.Error("was accepted")
		}
	})
}

func TestPolicyIsTheOneTheHeadNames(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	var d disk
	c := openOn(t, m, &d)
	v := m.whole(0)
	v.Policy = []byte(`{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}]}`)
	merge(t, c, v)
	if now := c.Now(); now.Policy != nil || now.PolicyText != nil {
		t.Errorf("a policy was taken that nobody signed: %s", now.PolicyText)
	}
	merge(t, c, m.whole(0))
	if c.Now().Policy == nil {
		t.Fatal("the signed policy was not taken")
	}

	// Until the text has come nothing is allowed: the old one was replaced.
	m.replace([]byte(`{"grants": []}`))
	v = m.whole(0)
	v.Policy = nil
	merge(t, c, v)
	for _, now := range []view.Now{c.Now(), openOn(t, m, &d).Now()} {
		if now.Policy != nil || now.PolicyText != nil || now.PolicyErr == nil {
			t.Errorf("without the new text: %q, %v", now.PolicyText, now.PolicyErr)
		}
	}
	merge(t, c, m.whole(0))
	if string(c.Now().PolicyText) != `{"grants": []}` {
		t.Errorf("with the new text: %q", c.Now().PolicyText)
	}
}

// TestAPolicyOfTheFuture allows nothing, and keeps no revocation out.
func TestAPolicyOfTheFuture(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	m.device("cam", "device")
	m.replace([]byte(`{"grants": [], "moons": 7}`))
	if _, err := policy.Parse(m.policy); err == nil {
		t.Fatal("this policy is readable")
	}
	m.revoke("cam")
	var d disk
	c := openOn(t, m, &d)
	merge(t, c, m.whole(0))
	for _, now := range []view.Now{c.Now(), openOn(t, m, &d).Now()} {
		if now.Policy != nil || now.PolicyErr == nil || !strings.Contains(now.PolicyErr.Error(), "revision 2") {
			t.Errorf("policy %v, %v", now.Policy, now.PolicyErr)
		}
		if cam, _ := now.Log.DeviceByName("cam"); !cam.Revoked {
			t.Error("the revocation did not come through")
		}
	}
}

func TestRevocationsComeBesideTheLog(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	m.device("cam", "device")
	var d disk
	c := openOn(t, m, &d)
	merge(t, c, m.whole(0))
	s := m.revoke("cam")
	if !merge(t, c, &warrenv1.View{FromSequence: m.Len(), Revocations: []*warrenv1.Statement{s}}) {
		t.Error("a revocation was no news")
	}
	if cam, _ := c.Now().Log.DeviceByName("cam"); !cam.Revoked {
		t.Error("the revocation was not taken")
	}
	// One whose signer is unknown here is left for later, and harms nothing.
	hub := node(t, "hub").ID()
	unknown, err := trust.SignRevocation(m.Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, hub[:], "test", noon, person("stranger"))
	if err != nil {
		t.Fatal(err)
	}
	if merge(t, c, &warrenv1.View{FromSequence: m.Len(), Revocations: []*warrenv1.Statement{unknown}}) {
		t.Error("a stranger's revocation was news")
	}
}

func TestFactsAreNoReasonToStop(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	var d disk
	c := openOn(t, m, &d)
	v := m.whole(0)
	bad := m.endpoints("hub", 9)
	bad.Payload = append(bad.Payload, 0)
	v.Facts = []*warrenv1.Statement{bad, nil, {}, m.endpoints("stranger", 1), m.endpoints("hub", 3)}
	merge(t, c, v)
	if e, ok := c.Facts().Endpoints(node(t, "hub").ID()); !ok || e.Counter != 3 {
		t.Errorf("endpoints of hub: %v, %v; want those of 3", e, ok)
	}
	if _, ok := c.Facts().Endpoints(node(t, "stranger").ID()); ok {
		t.Error("a stranger's endpoints were kept")
	}
}

func TestAReplicaThatReadsItsLogAnewTakesNothingBack(t *testing.T) {
	t.Parallel()
	hub := node(t, "hub").ID()
	m := founded(t, "one")
	early := m.fork()
	m.device("cam", "device")
	withoutRevocation := m.fork()
	m.revoke("cam")
	m.replace([]byte(`{"grants": []}`))
	// Folded into the log by the entry that replace made; one more beside it.
	m.device("box", "device")
	whole := m.fork()
	m.revoke("box")

	var d disk
	c := openOn(t, m, &d)
	merge(t, c, m.whole(0))
	writes := d.count()
	for name, replica := range map[string]*mesh{"early": early, "later": withoutRevocation, "without the last revocation": whole} {
		if err := c.Adopt(replica.Log, replica.policy, 2, view.Standing{Self: hub, Leader: hub}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		now := c.Now()
		if now.Log.Head() != m.Head() || len(now.Log.Revocations()) != 2 || string(now.PolicyText) != `{"grants": []}` || now.Revision < m.Len() {
			t.Errorf("%s: went back to %d entries, %d revocations, revision %d, policy %q", name,
				now.Log.Len(), len(now.Log.Revocations()), now.Revision, now.PolicyText)
		}
		if now.Leader != hub {
			t.Errorf("%s: the leader was not taken", name)
		}
	}
	if d.count() != writes {
		t.Errorf("%d writes for nothing", d.count()-writes)
	}

	m.device("lab", "device")
	if err := c.Adopt(m.Log, m.policy, m.Len()+5, view.Standing{Self: hub, Leader: hub}); err != nil {
		t.Fatal(err)
	}
	if now := openOn(t, m, &d).Now(); now.Log.Head() != m.Head() || now.Revision != m.Len()+5 {
		t.Errorf("news of the replica are not on disk: %d entries, revision %d", now.Log.Len(), now.Revision)
	}

	forked := founded(t, "one")
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		forked.device(name, "device")
	}
	if err := c.Adopt(forked.Log, forked.policy, 99, view.Standing{Self: hub, Leader: hub}); !errors.Is(err, view.ErrFork) {
		t.Errorf("a replica with another history: %v", err)
	}
}

func TestNewerIsWhatAnotherLacks(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	var a, b disk
	ahead, behind := openOn(t, m, &a), openOn(t, m, &b)
	merge(t, ahead, m.whole(0))
	merge(t, behind, ahead.Whole())
	held := m.Len()
	m.device("cam", "device")
	m.revoke("cam")
	merge(t, ahead, m.whole(0))

	v := ahead.Newer(held, sha256.Sum256(defaultPolicy))
	if len(v.GetEntries()) != 1 || v.GetFromSequence() != held || len(v.GetPolicy()) != 0 {
		t.Errorf("%d entries from %d and %d bytes of policy, want one entry from %d", len(v.GetEntries()), v.GetFromSequence(), len(v.GetPolicy()), held)
	}
	merge(t, behind, v)
	if behind.Now().Log.Head() != m.Head() || len(behind.Now().Log.Revocations()) != 1 {
		t.Error("the other is still behind")
	}
	// Who claims to be further is sent all there is, to compare.
	if v := ahead.Newer(1000, [32]byte{}); v.GetFromSequence() != 0 || len(v.GetEntries()) != int(m.Len()) || len(v.GetPolicy()) == 0 {
		t.Errorf("%d entries from %d", len(v.GetEntries()), v.GetFromSequence())
	}
}

func TestAwaitAndWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := founded(t, "one")
		var d disk
		c := openOn(t, m, &d)
		merge(t, c, m.whole(0))
		watch := c.Watch()
		done := make(chan error, 1)
		go func() { done <- c.Await(t.Context(), m.Len()+1) }()
		synctest.Wait()
		select {
		case <-watch:
			t.Error("a change was told where there was none")
		case <-done:
			t.Error("Await returned before its revision came")
		default:
		}
		m.device("cam", "device")
		merge(t, c, m.whole(0))
		if err := <-done; err != nil {
			t.Error(err)
		}
		<-watch
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := c.Await(ctx, 1_000_000); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Await without an end: %v", err)
		}
	})
}

func TestFactsReachTheDiskNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := founded(t, "one")
		var d disk
		c := openOn(t, m, &d)
		merge(t, c, m.whole(0))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx, 5*time.Second) }()
		writes := d.count()
		for counter := range uint64(100) { // ten seconds of roaming
			if _, err := c.Facts().Merge(m.endpoints("hub", counter+1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if n := d.count() - writes; n < 1 || n > 3 {
			t.Errorf("%d writes in ten seconds, want one every five", n)
		}
		if _, err := c.Facts().Merge(m.endpoints("hub", 1000)); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if e, _ := openOn(t, m, &d).Facts().Endpoints(node(t, "hub").ID()); e.Counter != 1000 {
			t.Errorf("the last word on disk is %d, want 1000", e.Counter)
		}
	})
}

// slowDisk says where two writes meet: the state file beneath takes one at a
// time.
type slowDisk struct {
	disk
	busy, met atomic.Int32
}

func (d *slowDisk) Store(data []byte) error {
	if d.busy.Add(1) > 1 {
		d.met.Add(1)
	}
	defer d.busy.Add(-1)
	time.Sleep(time.Millisecond)
	return d.disk.Store(data)
}

// What was merged is on disk whoever else stores at that moment, and no older
// picture comes over it.
func TestOneWriterAtATime(t *testing.T) {
	t.Parallel()
	m := founded(t, "one")
	d := &slowDisk{}
	c, err := view.Open(m.Mesh(), d)
	if err != nil {
		t.Fatal(err)
	}
	merge(t, c, m.whole(0))
	done := make(chan struct{})
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := c.Save(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 20 {
		m.device(fmt.Sprintf("cam%d", i), "device")
		merge(t, c, m.whole(0))
		if now := openOn(t, m, &d.disk).Now(); now.Log.Len() != m.Len() {
			t.Fatalf("%d entries on disk after a merge of %d", now.Log.Len(), m.Len())
		}
	}
	close(done)
	others.Wait()
	if n := d.met.Load(); n > 0 {
		t.Errorf("%d writes began before the last had ended", n)
	}
}
