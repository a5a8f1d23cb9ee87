package enrol_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/mesh/identity"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/port"
)

const (
	pending  = warrenv1.ClaimState_CLAIM_STATE_PENDING
	admitted = warrenv1.ClaimState_CLAIM_STATE_ADMITTED

	here  = "192.0.2.1:4000"
	there = "192.0.2.2:4000"
)

func TestAnInviteIsForOneMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.invite()
	first, second := newGuest(t, here), newGuest(t, there)
	for range 3 { // the same machine may repeat itself
		if got, err := w.joins(first, k, "cam"); err != nil || got != pending {
			t.Fatalf("%v, %v", got, err)
		}
	}
	_, err := w.joins(second, k, "box")
	refused(t, err, fault.Denied, "used")
	w.admit(first, k)
	_, err = w.joins(second, k, "box")
	refused(t, err, fault.Denied, "used")
	if got, err := w.joins(first, k, "cam"); err != nil || got != admitted {
		t.Errorf("after the approval: %v, %v", got, err)
	}
	if d, ok := w.log().DeviceByName("cam"); !ok || d.ID != first.key.ID() {
		t.Errorf("the log holds %v", d)
	}
	if n := len(w.state.Snapshot().Claims()); n != 1 {
		t.Errorf("%d claims are kept, want one", n)
	}
}

// TestALeaderThatDiesOverAClaim leaves nobody in doubt: the claim is proposed
// again, and counts once.
func TestALeaderThatDiesOverAClaim(t *testing.T) {
	t.Parallel()
	for _, took := range []bool{false, true} {
		w := newWorld(t)
		k := w.invite()
		first, second := newGuest(t, here), newGuest(t, there)
		w.unheard = []bool{took}
		if got, err := w.joins(first, k, "cam"); err != nil || got != pending {
			t.Errorf("it took effect is %v: %v, %v", took, got, err)
		}
		w.unheard = []bool{took}
		_, err := w.joins(second, k, "box")
		refused(t, err, fault.Denied, "used")
		w.unheard = []bool{took, took, took}
		if _, err = w.joins(first, k, "cam"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("nobody leads for long: %v", err)
		}
	}
}

func TestAnInviteForSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.invite(func(i *warrenv1.Invite) { i.Uses = 2 })
	for i, want := range []string{"", "", "used"} {
		_, err := w.joins(newGuest(t, here), k, fmt.Sprintf("cam-%d", i))
		switch {
		case want == "" && err != nil:
			t.Fatal(err)
		case want != "":
			refused(t, err, fault.Denied, want)
		}
	}
}

func TestLinksThatLeadNowhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		revoked, good := w.invite(), w.invite()
		w.revoke(warrenv1.RevocationKind_REVOCATION_KIND_INVITE, revoked.id[:])
		unknown := good
		unknown.id[0] ^= 1
		expired := w.invite(func(i *warrenv1.Invite) { i.NotAfter = i.NotBefore + 1 })

		gone := newGuest(t, there)
		k := w.invite()
		if _, err := w.joins(gone, k, "gone"); err != nil {
			t.Fatal(err)
		}
		w.admit(gone, k)
		id := gone.key.ID()
		w.revoke(warrenv1.RevocationKind_REVOCATION_KIND_NODE, id[:])

		time.Sleep(2 * time.Second)
		for name, tt := range map[string]struct {
			guest  guest
			ticket ticket
			reason string
		}{
			"revoked":                     {newGuest(t, "192.0.2.3:1"), revoked, "revoked"},
			"unknown":                     {newGuest(t, "192.0.2.4:1"), unknown, "unknown"},
			"expired":                     {newGuest(t, "192.0.2.5:1"), expired, "expired"},
			"a machine that was shut out": {gone, good, "revoked"},
		} {
			_, err := w.joins(tt.guest, tt.ticket, "cam")
			if err == nil || fault.Of(err).Reason != tt.reason {
				t.Errorf("%s: %v", name, err)
				continue
			}
			refused(t, err, fault.Denied, tt.reason)
		}
		other := w.mesh
		other[3] ^= 1
		_, err := w.desk.Greet(newGuest(t, "192.0.2.6:1").calls(t.Context()), &warrenv1.GreetRequest{Mesh: other[:], Invite: good.id[:]})
		refused(t, err, fault.Denied, "foreign")
		_, err = w.desk.Greet(newGuest(t, "192.0.2.7:1").calls(t.Context()), &warrenv1.GreetRequest{Mesh: w.mesh[:], Invite: []byte{1}})
		refused(t, err, fault.Denied, "unknown")
		_, err = w.desk.Greet(t.Context(), &warrenv1.GreetRequest{Mesh: w.mesh[:], Invite: good.id[:]})
		refused(t, err, fault.Denied, "")
	})
}

func TestClaimsThatDoNotStandUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, other := w.invite(), w.invite()
	g, thief := newGuest(t, here), newGuest(t, there)
	r, err := w.greet(g, k)
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := w.greet(thief, k)
	if err != nil {
		t.Fatal(err)
	}
	good := w.claim(g, k, "cam", r.GetNonce())
	altered := w.claim(g, k, "cam", r.GetNonce())
	altered.Payload[len(altered.Payload)-3] ^= 1
	elsewhere := k
	elsewhere.secret[0] ^= 1
	hosts := byte(0)
	for name, tt := range map[string]struct {
		from  guest
		claim *warrenv1.Statement
		kind  fault.Kind
		code  string
	}{
		"nothing":                        {g, nil, fault.Invalid, ""},
		"altered":                        {g, altered, fault.Invalid, ""},
		"handed in by another machine":   {thief, good, fault.Denied, ""},
		"with another's nonce":           {g, w.claim(g, k, "cam", stolen.GetNonce()), fault.Unavailable, ""},
		"with no nonce of ours":          {g, w.claim(g, k, "cam", make([]byte, 32)), fault.Unavailable, ""},
		"with the key of another secret": {g, w.claim(g, elsewhere, "cam", r.GetNonce()), fault.Denied, ""},
		"signed by another invite":       {g, w.claim(g, ticket{id: k.id, secret: other.secret, open: k.open}, "cam", r.GetNonce()), fault.Denied, ""},
		"under the controller's name":    {g, w.claim(g, k, "hub", r.GetNonce()), fault.Conflict, ""},
	} {
		from := tt.from // each from an address of its own: failures are counted
		hosts++
		from.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, hosts}), 1)
		_, err := w.desk.Claim(from.calls(t.Context()), &warrenv1.ClaimRequest{Claim: tt.claim})
		if err == nil {
			t.Errorf("%s: was accepted", name)
			continue
		}
		if f := fault.Of(err); f.Kind != tt.kind || f.Reason != tt.code {
			t.Errorf("%s: %v (%s, %q), want %s", name, err, f.Kind, f.Reason, tt.kind)
		}
	}
	if n := len(w.state.Snapshot().Claims()); n != 0 {
		t.Errorf("%d claims are kept, want none", n)
	}
	// The good one is none the worse, and the name of one who left is free.
	if _, err := w.desk.Claim(g.calls(t.Context()), &warrenv1.ClaimRequest{Claim: good}); err != nil {
		t.Error(err)
	}
	w.admit(g, k)
	id := g.key.ID()
	w.revoke(warrenv1.RevocationKind_REVOCATION_KIND_NODE, id[:])
	if _, err := w.joins(newGuest(t, here), other, "cam"); err != nil {
		t.Errorf("the name of a revoked machine: %v", err)
	}
}

func TestFailedAttemptsAreFiveAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.invite()
		wrong := k
		wrong.id[0] ^= 1
		g := newGuest(t, here)
		for i := range 5 {
			g.from = netip.AddrPortFrom(g.from.Addr(), uint16(5000+i)) // a new port does not help
			_, err := w.greet(g, wrong)
			refused(t, err, fault.Denied, "unknown")
		}
		_, err := w.greet(g, k)
		refused(t, err, fault.Unavailable, "")
		if !strings.Contains(err.Error(), "too many failed attempts from 192.0.2.1") {
			t.Errorf("got %v", err)
		}
		_, err = w.greet(newGuest(t, here), k)
		refused(t, err, fault.Unavailable, "")
		if _, err := w.greet(newGuest(t, there), k); err != nil {
			t.Errorf("another address pays for it: %v", err)
		}
		time.Sleep(13 * time.Second)
		if _, err := w.greet(g, k); err != nil {
			t.Errorf("after a while: %v", err)
		}
		// What succeeds costs nothing.
		for range 20 {
			if _, err := w.greet(newGuest(t, there), k); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestANonceHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k, g := w.invite(), newGuest(t, here)
		r, err := w.greet(g, k)
		if err != nil {
			t.Fatal(err)
		}
		claim := w.claim(g, k, "cam", r.GetNonce())
		time.Sleep(11 * time.Minute)
		_, err = w.desk.Claim(g.calls(t.Context()), &warrenv1.ClaimRequest{Claim: claim})
		refused(t, err, fault.Unavailable, "")
		if got, err := w.joins(g, k, "cam"); err != nil || got != pending {
			t.Errorf("with a new one: %v, %v", got, err)
		}
	})
}

func TestADeskRemembersALimitedNumberOfStrangers(t *testing.T) {
	t.Parallel()
	if race {
		t.Skip("thousands of calls from one goroutine: slow under the race detector, which finds nothing in them")
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.invite(func(i *warrenv1.Invite) { i.NotAfter = i.NotBefore + 7*24*3600 })
		stranger := func(n int) context.Context {
			id := identity.NodeID{1, byte(n >> 16), byte(n >> 8), byte(n)}
			return port.WithPeer(t.Context(), port.Peer{ID: id, Address: netip.MustParseAddrPort(there)})
		}
		req := &warrenv1.GreetRequest{Mesh: w.mesh[:], Invite: k.id[:]}
		n := 0
		for ; n < 10_000; n++ { // none is turned away: the longest-waiting ask again
			if _, err := w.desk.Greet(stranger(n), req); err != nil {
				t.Fatal(err)
			}
		}
		if got := enrol.Remembered(w.desk); got != 4096 {
			t.Errorf("%d strangers are remembered, want 4096", got)
		}
		time.Sleep(11 * time.Minute)
		if _, err := w.desk.Greet(stranger(n), req); err != nil {
			t.Errorf("they are never forgotten: %v", err)
		}
	})
}

func TestNoApprovalIsInAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, g := w.invite(func(i *warrenv1.Invite) { i.Approval = false; i.Tags = []string{"kiosk"} }), newGuest(t, here)
	r, err := w.greet(g, k)
	if err != nil {
		t.Fatal(err)
	}
	address := func(c *warrenv1.Claim) { c.Ipv4 = r.GetIpv4() }
	if got, err := w.joins(g, k, "cam", address); err != nil || got != admitted {
		t.Fatalf("%v, %v", got, err)
	}
	d, ok := w.log().Device(g.key.ID())
	if !ok || d.Name != "cam" || len(d.Tags) != 1 || d.IPv4.String() != netip.AddrFrom4([4]byte(r.GetIpv4())).String() {
		t.Errorf("the record is %+v", d)
	}
	// Again, as after a lost answer: it is in, once.
	before := w.log().Len()
	if got, err := w.joins(g, k, "cam", address); err != nil || got != admitted {
		t.Errorf("again: %v, %v", got, err)
	}
	if w.log().Len() != before {
		t.Error("the machine was entered twice")
	}
}

func TestAwaitTellsAMachineOfItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k, g := w.invite(), newGuest(t, here)
		if _, err := w.joins(g, k, "cam"); err != nil {
			t.Fatal(err)
		}
		id := g.key.ID()
		req := &warrenv1.AwaitRequest{Invite: k.id[:], Node: id[:]}

		_, err := w.desk.Await(newGuest(t, there).calls(t.Context()), req)
		refused(t, err, fault.Denied, "")
		stranger := newGuest(t, there)
		sid := stranger.key.ID()
		_, err = w.desk.Await(stranger.calls(t.Context()), &warrenv1.AwaitRequest{Invite: k.id[:], Node: sid[:]})
		refused(t, err, fault.Denied, "unknown")

		began := time.Now()
		r, err := w.desk.Await(g.calls(t.Context()), req)
		if err != nil || r.GetState() != pending || r.GetView() != nil || time.Since(began) != enrol.AwaitTime {
			t.Errorf("nobody decides: %v, %v after %s", r, err, time.Since(began))
		}

		done := make(chan *warrenv1.AwaitResponse, 1)
		go func() {
			r, err := w.desk.Await(g.calls(t.Context()), req)
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		synctest.Wait()
		began = time.Now()
		w.admit(g, k)
		r = <-done
		if r.GetState() != admitted || len(r.GetView().GetEntries()) == 0 || time.Since(began) != 0 {
			t.Errorf("approved: %v after %s", r.GetState(), time.Since(began))
		}
		if len(w.learnt) != 1 {
			t.Errorf("%d key statements were learnt, want the newcomer's", len(w.learnt))
		}
	})
}

// TestADeskThatIsBehindDeniesNothing: a controller reads its log anew when it
// starts, and must not turn away what it has acknowledged before.
func TestADeskThatIsBehindDeniesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, g := w.invite(), newGuest(t, here)
	unknown := k
	unknown.id[0] ^= 1 // as if it had not been read yet
	w.behind = fault.New(fault.Unavailable, "no controller leads just now").Because("no-leader")
	id := g.key.ID()
	for range 10 { // nor is it counted as a failed attempt
		_, err := w.greet(g, unknown)
		refused(t, err, fault.Unavailable, "no-leader")
		_, err = w.desk.Await(g.calls(t.Context()), &warrenv1.AwaitRequest{Invite: unknown.id[:], Node: id[:]})
		refused(t, err, fault.Unavailable, "no-leader")
		_, err = w.desk.Claim(g.calls(t.Context()), &warrenv1.ClaimRequest{Claim: w.claim(g, unknown, "cam", make([]byte, 32))})
		refused(t, err, fault.Unavailable, "no-leader")
	}
	w.behind = nil
	if got, err := w.joins(g, k, "cam"); err != nil || got != pending {
		t.Errorf("%v, %v", got, err)
	}
}

func TestATechnicianNeedsAFreeName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.invite(func(i *warrenv1.Invite) { i.Role = invite.RoleTechnician; i.Admin = true })
	_, err := w.joins(newGuest(t, here), k, enrol.Owner)
	refused(t, err, fault.Conflict, "")
	if !strings.Contains(err.Error(), `technician named "owner" already`) {
		t.Errorf("got %v", err)
	}
	g := newGuest(t, there)
	if _, err := w.joins(g, k, "anna"); err != nil {
		t.Fatal(err)
	}
	w.admit(g, k)
	if p, ok := w.log().TechnicianByName("anna"); !ok || !p.Admin || p.Node != g.key.ID() {
		t.Errorf("the log holds %+v", p)
	}
}

// FuzzDesk hands in bytes as a claim. Only what the invite's holder signed may
// be kept.
func FuzzDesk(f *testing.F) {
	w := newWorld(f)
	k, g := w.invite(), newGuest(f, here)
	r, err := w.greet(g, k)
	if err != nil {
		f.Fatal(err)
	}
	good := w.claim(g, k, "cam", r.GetNonce())
	f.Add(good.GetPayload(), good.GetSignatures()[0].GetSignature(), good.GetSignatures()[0].GetKey())
	f.Add([]byte{}, []byte{}, []byte{})
	f.Add(good.GetPayload()[:40], good.GetSignatures()[1].GetSignature(), good.GetSignatures()[1].GetKey())
	n := 0
	f.Fuzz(func(t *testing.T, payload, signature, key []byte) {
		n++
		from := g
		from.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), 1)
		s := &warrenv1.Statement{
			Type: good.GetType(), Payload: payload,
			Signatures: []*warrenv1.Signature{{Key: key, Signature: signature}, good.GetSignatures()[1]},
		}
		_, err := w.desk.Claim(from.calls(t.Context()), &warrenv1.ClaimRequest{Claim: s})
		if err == nil && string(payload) != string(good.GetPayload()) {
			t.Error("was accepted")
		}
		_, _ = w.desk.Greet(from.calls(t.Context()), &warrenv1.GreetRequest{Mesh: payload, Invite: key})
		_, _ = w.desk.Await(from.calls(t.Context()), &warrenv1.AwaitRequest{Invite: key, Node: signature})
		for _, c := range w.state.Snapshot().Claims() {
			if c.Claim.Node != g.key.ID() || c.Claim.Name != "cam" {
				t.Errorf("a claim is kept that nobody signed: %+v", c.Claim)
			}
		}
	})
}
