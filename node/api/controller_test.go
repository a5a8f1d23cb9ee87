package api

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/command"
	"warren/consensus/invite"
	"warren/consensus/store"
	"warren/consensus/store/storetest"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/port"
)

// controller is a world whose hub serves members on a real node port, with a
// real store of one voter.
type controller struct {
	*world
	service ControllerService
	witness WitnessService
	address string
	spread  chan *warrenv1.Statement // what was told on
}

func newController(t *testing.T) *controller {
	t.Helper()
	c := &controller{world: newWorld(t), spread: make(chan *warrenv1.Statement, 16)}
	key, err := c.home.NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	var network storetest.Network
	s, err := store.Open(store.Config{Dir: t.TempDir(), Self: key.ID(), Transport: network.Layer(key.ID())})
	if err != nil {
		t.Fatal(err)
	}
	l, err := port.NewListener(port.Config{
		Key: key, Admit: func(identity.NodeID, ed25519.PublicKey, string) error { return nil }, Log: slog.New(slog.DiscardHandler),
	}, port.Node)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = socket.Addr().String()
	founded := make(chan struct{})
	council := &ordering.Council{
		Local: ordering.Local{Store: s, Founded: founded}, Self: key.ID(),
		Remote: ordering.Remote{Key: key, Doors: func() []ordering.Door { return nil }}, Ordering: func() bool { return true },
	}
	c.service = ControllerService{
		View: c.view, Authority: council, Rates: NewRates(),
		Spread: func(s *warrenv1.Statement) { c.spread <- s },
		Enter:  func(context.Context, any, func(*trust.Log) bool) error { return nil },
	}
	c.witness = WitnessService{
		View: c.view, Replica: ordered{council}, Witness: audit.NewWitness(c.log().Mesh(), c.log().IsController), Key: key,
		Caller: Caller, Rates: NewRates(),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	wg.Go(func() { _ = l.Run(ctx, socket) })
	wg.Go(func() {
		_ = port.Serve(ctx, ControllerServer(CouncilService{ControllerService: c.service, Council: council}, c.witness), l.Protocol(port.Node))
	})
	t.Cleanup(func() { cancel(); wg.Wait() })

	founding, err := command.New(&warrenv1.MeshFounded{Entries: c.log().Entries(0), Policy: c.view.Now().PolicyText})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Bootstrap(c.within(20*time.Second), founding); err != nil {
		t.Fatal(err)
	}
	close(founded)
	return c
}

func (c *controller) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	c.t.Cleanup(cancel)
	return ctx
}

// as is a client that holds the key of a machine.
func (c *controller) as(key identity.NodeKey) *client.Controller {
	hub, err := c.home.NodeKey()
	if err != nil {
		c.t.Fatal(err)
	}
	out := client.NewController(key, hub.ID(), []string{c.address})
	c.t.Cleanup(out.Close)
	return out
}

func (c *controller) propose(key identity.NodeKey, body proto.Message) error {
	c.t.Helper()
	cmd, err := command.New(body)
	if err != nil {
		c.t.Fatal(err)
	}
	raw, err := cmd.Encode()
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = c.as(key).Propose(c.within(20*time.Second), &warrenv1.ProposeRequest{Command: raw})
	return err
}

func (c *controller) invitation() *warrenv1.InviteMade {
	c.t.Helper()
	secret, err := invite.NewSecret(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	id, log := make([]byte, 8), c.log()
	_, _ = rand.Read(id)
	mesh, head, now := log.Mesh(), log.Entries(0), time.Now().Unix()
	hash := identity.HashOf(head[3])
	s, err := invite.Sign(&warrenv1.Invite{
		Mesh: mesh[:], Id: id, Key: invite.Key(secret).Public().(ed25519.PublicKey), Role: "device", Uses: 1, Approval: true,
		Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED, NotBefore: now, NotAfter: now + 3600, Head: hash[:], HeadSequence: 3, Inviter: enrol.Owner,
	}, c.owner)
	if err != nil {
		c.t.Fatal(err)
	}
	return &warrenv1.InviteMade{Invite: s}
}

func (c *controller) revocation(id identity.NodeID, key ed25519.PrivateKey) *warrenv1.Revoked {
	c.t.Helper()
	s, err := trust.SignRevocation(c.log().Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, id[:], "test", time.Now(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	return &warrenv1.Revoked{Revocation: s}
}

func TestWhoMayOrder(t *testing.T) {
	t.Parallel()
	c := newController(t)
	hub, err := c.home.NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	cam, box := c.device("cam", "cam"), c.device("box", "box")
	gone := c.device("gone", "gone")
	c.revokeNode(gone)
	camKey := c.node("cam")
	for name, tt := range map[string]struct {
		key    identity.NodeKey
		body   proto.Message
		reason string // of a denial; "" is none, "-" any
	}{
		"the controller's technician":        {hub, c.invitation(), ""},
		"a plain machine":                    {camKey, c.invitation(), "no-technician"},
		"a stranger":                         {c.node("stranger"), c.invitation(), "no-member"},
		"a revoked machine":                  {c.node("gone"), c.invitation(), "revoked"},
		"a founding":                         {hub, &warrenv1.MeshFounded{Entries: c.log().Entries(0)}, "-"},
		"a claim":                            {hub, &warrenv1.InviteClaimed{Claim: &warrenv1.Statement{}}, "-"},
		"another's farewell":                 {camKey, c.revocation(box.ID, c.node("box").Signer()), "no-technician"},
		"a farewell that another signed":     {camKey, c.revocation(cam.ID, c.node("box").Signer()), "no-technician"},
		"an admin's word by a plain machine": {camKey, c.revocation(box.ID, c.owner), "no-technician"},
	} {
		err := c.propose(tt.key, tt.body)
		switch f := fault.Of(err); {
		case tt.reason == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case err == nil || f.Kind != fault.Denied || tt.reason != "-" && f.Reason != tt.reason:
			t.Errorf("%s: %v (%q), want a denial %q", name, err, fault.Of(err), tt.reason)
		}
	}
	// Its own farewell may come from anybody, as far as the state knows them.
	if err := c.propose(camKey, c.revocation(cam.ID, camKey.Signer())); fault.Of(err) != nil && fault.Of(err).Reason == "no-technician" {
		t.Errorf("a machine may not say farewell: %v", err)
	}
	_, err = c.as(hub).Propose(c.within(20*time.Second), &warrenv1.ProposeRequest{Command: []byte("nonsense")})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("nonsense: %v", err)
	}
}

func TestWhoMayReadTheLedger(t *testing.T) {
	t.Parallel()
	c := newController(t)
	hub, err := c.home.NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	c.device("cam", "cam")
	if err := c.propose(hub, c.invitation()); err != nil {
		t.Fatal(err)
	}
	r, err := c.as(hub).Ledger(c.within(20*time.Second), &warrenv1.LedgerRequest{})
	if err != nil || len(r.GetInvites()) != 1 {
		t.Errorf("%v, %v", r, err)
	}
	for name, reason := range map[string]string{"cam": "no-technician", "stranger": "no-member"} {
		_, err := c.as(c.node(name)).Ledger(c.within(20*time.Second), &warrenv1.LedgerRequest{})
		if fault.KindOf(err) != fault.Denied || fault.Of(err).Reason != reason {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMemberStatesItsOwnEndpointsOnly(t *testing.T) {
	t.Parallel()
	c := newController(t)
	cam, box := c.device("cam", "cam"), c.device("box", "box")
	at := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.7:41820")}
	var facts []*warrenv1.Statement
	for _, name := range []string{"cam", "box"} {
		s, err := identity.SignEndpoints(c.node(name), c.log().Mesh(), at, 1, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, s)
	}
	for range 2 {
		if _, err := c.as(c.node("cam")).Announce(c.within(20*time.Second), &warrenv1.AnnounceRequest{Facts: facts}); err != nil {
			t.Fatal(err)
		}
	}
	if e, ok := c.view.Facts().Endpoints(cam.ID); !ok || len(e.Addresses) != 1 {
		t.Errorf("its own: %v, %v", e, ok)
	}
	if _, ok := c.view.Facts().Endpoints(box.ID); ok {
		t.Error("it spoke for another")
	}
	// Members that follow another controller hear of it too, once.
	if len(c.spread) != 1 || !proto.Equal(<-c.spread, facts[0]) {
		t.Error("what it stated was not spread, or more than that")
	}
}

func TestFollowTellsWhatIsNewAndARevokedMachineOnlyThat(t *testing.T) {
	t.Parallel()
	c := newController(t)
	cam := c.device("cam", "cam")
	stream, err := c.as(c.node("cam")).Follow(c.within(40*time.Second), &warrenv1.FollowRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	next := func() *warrenv1.View {
		t.Helper()
		if !stream.Receive() {
			t.Fatalf("the stream ended: %v", stream.Err())
		}
		return stream.Msg()
	}
	if v := next(); len(v.GetEntries()) != int(c.log().Len()) || len(v.GetPolicy()) == 0 {
		t.Errorf("at first: %d entries, %d bytes of policy", len(v.GetEntries()), len(v.GetPolicy()))
	}
	held := c.log().Len()
	c.device("box", "box")
	if v := next(); v.GetFromSequence() != held || len(v.GetEntries()) != 1 || len(v.GetPolicy()) != 0 {
		t.Errorf("then: %d entries from %d, want one from %d", len(v.GetEntries()), v.GetFromSequence(), held)
	}
	c.revokeNode(cam)
	v := next()
	if len(v.GetRevocations()) != 1 || len(v.GetEntries()) != 0 || len(v.GetFacts()) != 0 || len(v.GetPolicy()) != 0 {
		t.Errorf("the last word: %v", v)
	}
	if stream.Receive() || fault.Of(stream.Err()).Reason != "revoked" || fault.KindOf(stream.Err()) != fault.Denied {
		t.Errorf("after it: %v", stream.Err())
	}

	// Who comes back later is told as well, and a stranger nothing.
	for name, want := range map[string]int{"cam": 1, "stranger": 0} {
		stream, err := c.as(c.node(name)).Follow(c.within(20*time.Second), &warrenv1.FollowRequest{})
		if err != nil {
			t.Fatal(err)
		}
		var got int
		for stream.Receive() {
			got += len(stream.Msg().GetRevocations())
			if n := len(stream.Msg().GetEntries()) + len(stream.Msg().GetFacts()) + len(stream.Msg().GetPolicy()); n != 0 {
				t.Errorf("%s learns %v", name, stream.Msg())
			}
		}
		if got != want || fault.KindOf(stream.Err()) != fault.Denied {
			t.Errorf("%s: %d revocations, %v", name, got, stream.Err())
		}
		_ = stream.Close()
	}
}

func TestNobodyAsksTooMuch(t *testing.T) {
	t.Parallel()
	r := NewRates()
	id, other := identity.NodeID{1}, identity.NodeID{2}
	allowed := 0
	var err error
	for err == nil && allowed < 10_000 {
		if err = r.Allow(id); err == nil {
			allowed++
		}
	}
	if allowed < callsAtOnce || allowed > 2*callsAtOnce {
		t.Errorf("%d calls at once, want %d or a few more", allowed, callsAtOnce)
	}
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Format(err), "asks too much at once; try: again in a moment") {
		t.Errorf("got %v", err)
	}
	if err := r.Allow(other); err != nil {
		t.Errorf("another pays for it: %v", err)
	}
}
