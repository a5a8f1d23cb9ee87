package enrol_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
	"warren/consensus/invite"
	"warren/mesh/identity"
	"warren/node/api"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/port"
)

// liar is a controller that alters what its Desk answers.
type liar struct {
	warrenv1connect.EnrolServiceHandler
	greet func(*warrenv1.GreetResponse)
	claim func() error
	await func(*warrenv1.AwaitResponse) error
}

func (l liar) Greet(ctx context.Context, req *warrenv1.GreetRequest) (*warrenv1.GreetResponse, error) {
	r, err := l.EnrolServiceHandler.Greet(ctx, req)
	if err == nil && l.greet != nil {
		r = proto.CloneOf(r) // its parts are the log's
		l.greet(r)
	}
	return r, err
}

func (l liar) Claim(ctx context.Context, req *warrenv1.ClaimRequest) (*warrenv1.ClaimResponse, error) {
	r, err := l.EnrolServiceHandler.Claim(ctx, req)
	if err == nil && l.claim != nil {
		err = l.claim()
	}
	return r, err
}

func (l liar) Await(ctx context.Context, req *warrenv1.AwaitRequest) (*warrenv1.AwaitResponse, error) {
	r, err := l.EnrolServiceHandler.Await(ctx, req)
	if err == nil && l.await != nil {
		err = l.await(r)
	}
	return r, err
}

// serve answers newcomers on a real node port and gives the link's endpoint.
func (w *world) serve(desk warrenv1connect.EnrolServiceHandler) invite.Endpoint {
	w.t.Helper()
	admit := func(identity.NodeID, ed25519.PublicKey, string) error { return nil }
	l, err := port.NewListener(port.Config{Key: w.key, Admit: admit, Log: slog.New(slog.DiscardHandler)}, port.Enrol)
	if err != nil {
		w.t.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Run(ctx, socket) })
	wg.Go(func() { _ = port.Serve(ctx, api.EnrolServer(desk), l.Protocol(port.Enrol)) })
	w.t.Cleanup(func() { cancel(); wg.Wait() })
	return invite.Endpoint{Node: w.key.ID(), Address: socket.Addr().String()}
}

func (w *world) link(k ticket, at ...invite.Endpoint) invite.Link {
	return invite.Link{Mesh: w.mesh, ID: k.id, Secret: k.secret, Controllers: at}
}

func newHome(t *testing.T) home.Home {
	t.Helper()
	return home.At(platform.Dir(t.TempDir()))
}

// apply greets and claims.
func apply(t *testing.T, h home.Home, link invite.Link, name string) (home.Member, error) {
	t.Helper()
	a, err := enrol.Greet(t.Context(), h, link)
	if err != nil {
		return home.Member{}, err
	}
	defer a.Close()
	return a.Claim(t.Context(), name, map[string]string{"os": "plan9", "user": "glenda"}, 4711, time.Now())
}

func guestOf(t *testing.T, h home.Home) guest {
	t.Helper()
	k, err := h.NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	return guest{key: k}
}

func TestJoining(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*warrenv1.Invite){
		"device":     func(i *warrenv1.Invite) {},
		"private":    func(i *warrenv1.Invite) { i.Ownership = warrenv1.Ownership_OWNERSHIP_BYOD },
		"gateway":    func(i *warrenv1.Invite) { i.Role = "gateway" },
		"controller": func(i *warrenv1.Invite) { i.Role = "controller" },
		"technician": func(i *warrenv1.Invite) { i.Role = "technician"; i.Admin = true },
		"unasked":    func(i *warrenv1.Invite) { i.Approval = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			k := w.invite(edit)
			h := newHome(t)
			at := w.serve(w.desk)
			m, err := apply(t, h, w.link(k, at), "cam")
			if err != nil {
				t.Fatal(err)
			}
			g := guestOf(t, h)
			if m.Pending == nil || m.Pending.Phrase != invite.Phrase(g.key.Public(), k.id, w.mesh) || m.MeshName != "firm" {
				t.Errorf("after the claim: %+v", m)
			}
			if _, err := enrol.Greet(t.Context(), h, w.link(w.invite(), at)); fault.KindOf(err) != fault.Conflict {
				t.Errorf("another link meanwhile: %v", err)
			}
			if k.open.Approval {
				w.admit(g, k)
			}
			m, err = enrol.Await(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			d, _ := w.log().Device(g.key.ID())
			if m.Pending != nil || m.Name != "cam" || m.Role != d.Role() {
				t.Errorf("after the approval: %+v", m)
			}
			stored, err := h.Member()
			if err != nil || stored.Pending != nil {
				t.Errorf("on disk: %+v, %v", stored, err)
			}
			switch name {
			case "controller":
				if !d.NotAfter.IsZero() || !w.log().IsController(d.ID) {
					t.Errorf("the record is %+v", d)
				}
			case "private":
				if d.Owner != "glenda" || time.Until(d.NotAfter) > 31*24*time.Hour {
					t.Errorf("the record is %+v", d)
				}
			case "technician":
				kept, err := h.Technician()
				if err != nil || kept.UID != 4711 {
					t.Errorf("the key is of %d, %v", kept.UID, err)
				}
				public, _ := ed25519.NewKeyFromSeed(kept.Seed).Public().(ed25519.PublicKey)
				if p, ok := w.log().Technician(public); !ok || p.Name != "cam" || !p.Admin || p.Node != d.ID {
					t.Errorf("the record is %+v", p)
				}
			default:
				if _, err := h.Technician(); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a technician's key was made: %v", err)
				}
			}
			// Again: nothing is asked of anybody.
			if again, err := enrol.Await(t.Context(), h); err != nil || again.Name != "cam" {
				t.Errorf("again: %+v, %v", again, err)
			}
		})
	}
}

func TestANewcomerBelievesNobody(t *testing.T) {
	t.Parallel()
	w, foreign := newWorld(t), newWorld(t)
	other := w.invite()
	theirs := foreign.log()
	vouchers, err := theirs.Vouchers(foreign.owner.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func(*warrenv1.GreetResponse){
		"another mesh's vouchers": func(r *warrenv1.GreetResponse) { r.Vouchers = vouchers },
		"no vouchers":             func(r *warrenv1.GreetResponse) { r.Vouchers = nil },
		"altered vouchers": func(r *warrenv1.GreetResponse) {
			r.Vouchers[0].Payload[9] ^= 1
		},
		"another invite":       func(r *warrenv1.GreetResponse) { r.Invite = other.stmt },
		"no invite":            func(r *warrenv1.GreetResponse) { r.Invite = nil },
		"an address elsewhere": func(r *warrenv1.GreetResponse) { r.Ipv4 = []byte{8, 8, 8, 8} },
		"no address":           func(r *warrenv1.GreetResponse) { r.Ipv4 = nil },
		"an invite of its own": func(r *warrenv1.GreetResponse) {
			m := &warrenv1.Invite{}
			if _, err := identity.Open(r.GetInvite(), identity.TypeInvite, m); err != nil {
				t.Error(err)
			}
			m.Role, m.Admin = invite.RoleTechnician, true
			s, err := invite.Sign(m, w.key.Signer()) // the controller's key is no person's
			if err != nil {
				t.Error(err)
			}
			r.Invite = s
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, k := newHome(t), w.invite()
			_, err := apply(t, h, w.link(k, w.serve(liar{EnrolServiceHandler: w.desk, greet: lie})), "cam")
			if fault.KindOf(err) != fault.Denied {
				t.Errorf("got %v", err)
			}
			if _, err := h.Member(); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder belongs to a mesh: %v", err)
			}
			// The folder is none the worse.
			if _, err := apply(t, h, w.link(k, w.serve(w.desk)), named(name)); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// named makes a machine's name of a test's.
func named(test string) string { return strings.NewReplacer(" ", "-", "'", "").Replace(test) }

func TestANewcomerIsInOnlyBySignedRecord(t *testing.T) {
	t.Parallel()
	w, foreign := newWorld(t), newWorld(t)
	for name, lie := range map[string]func(*warrenv1.AwaitResponse){
		"no view":             func(r *warrenv1.AwaitResponse) { r.State = admitted },
		"a view without it":   func(r *warrenv1.AwaitResponse) { r.State, r.View = admitted, w.Whole() },
		"another mesh's view": func(r *warrenv1.AwaitResponse) { r.State, r.View = admitted, foreign.Whole() },
	} {
		t.Run(name, func(t *testing.T) {
			h, k := newHome(t), w.invite()
			said := make(chan struct{}, 1)
			// A Desk that never holds the request open: the lie is told at once.
			desk := liar{EnrolServiceHandler: hasty{w.desk}, await: func(r *warrenv1.AwaitResponse) error {
				lie(r)
				select {
				case said <- struct{}{}:
				default:
				}
				return nil
			}}
			if _, err := apply(t, h, w.link(k, w.serve(desk)), named(name)); err != nil {
				t.Fatal(err)
			}
			_, err := enrol.Await(t.Context(), h)
			if fault.KindOf(err) != fault.Denied {
				t.Errorf("got %v", err)
			}
			<-said
			if m, err := h.Member(); err != nil || m.Pending == nil {
				t.Errorf("the folder says it is a member: %+v, %v", m, err)
			}
		})
	}
}

// hasty answers Await at once.
type hasty struct {
	warrenv1connect.EnrolServiceHandler
}

func (hasty) Await(context.Context, *warrenv1.AwaitRequest) (*warrenv1.AwaitResponse, error) {
	return &warrenv1.AwaitResponse{State: pending}, nil
}

func TestARejectedNewcomerKeepsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, k := newHome(t), w.invite(func(i *warrenv1.Invite) { i.Role = "technician" })
	desk := liar{EnrolServiceHandler: hasty{w.desk}, await: func(r *warrenv1.AwaitResponse) error {
		r.State = warrenv1.ClaimState_CLAIM_STATE_REJECTED
		return nil
	}}
	if _, err := apply(t, h, w.link(k, w.serve(desk)), "cam"); err != nil {
		t.Fatal(err)
	}
	_, err := enrol.Await(t.Context(), h)
	refused(t, err, fault.Denied, "rejected")
	entries, err := os.ReadDir(string(h.Dir()))
	if err != nil || len(entries) != 0 {
		t.Errorf("the folder still holds %v, %v", entries, err)
	}
}

// TestAwaitOutlastsTheController: what is unavailable is no answer.
func TestAwaitOutlastsTheController(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, k := newHome(t), w.invite()
	times := 0
	var mu sync.Mutex
	desk := liar{EnrolServiceHandler: w.desk, await: func(*warrenv1.AwaitResponse) error {
		mu.Lock()
		defer mu.Unlock()
		if times++; times < 4 {
			return fault.New(fault.Unavailable, "no controller leads just now").Because("no-leader")
		}
		return nil
	}}
	if _, err := apply(t, h, w.link(k, w.serve(desk)), "cam"); err != nil {
		t.Fatal(err)
	}
	w.admit(guestOf(t, h), k)
	if m, err := enrol.Await(t.Context(), h); err != nil || m.Pending != nil || times != 4 {
		t.Errorf("%+v, %v after %d times", m, err, times)
	}
}

// TestALostAnswerToAClaim: the machine that asks again is the one that asked.
func TestALostAnswerToAClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, k := newHome(t), w.invite(func(i *warrenv1.Invite) { i.Role = "technician" })
	lost := true
	desk := liar{EnrolServiceHandler: w.desk, claim: func() error {
		if lost {
			lost = false
			return fault.New(fault.Unavailable, "the connection broke off")
		}
		return nil
	}}
	link := w.link(k, w.serve(desk))
	if _, err := apply(t, h, link, "cam"); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("got %v", err)
	}
	key, person := guestOf(t, h).key.ID(), seed(t, h)
	m, err := apply(t, h, link, "cam")
	if err != nil || m.Pending == nil {
		t.Fatalf("again: %+v, %v", m, err)
	}
	if guestOf(t, h).key.ID() != key || seed(t, h) != person {
		t.Error("machine or person got another key")
	}
	w.admit(guestOf(t, h), k)
	if _, err := enrol.Await(t.Context(), h); err != nil {
		t.Error(err)
	}
}

func seed(t *testing.T, h home.Home) string {
	t.Helper()
	p, err := h.Technician()
	if err != nil {
		t.Fatal(err)
	}
	return string(p.Seed)
}

func TestGreetTriesEveryController(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.invite()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	stranger := newGuest(t, here).key.ID()
	dead := invite.Endpoint{Node: stranger, Address: gone.Addr().String()}
	live := w.serve(w.desk)
	if _, err := apply(t, newHome(t), w.link(k, dead, live), "cam"); err != nil {
		t.Errorf("one of two is dead: %v", err)
	}
	_, err = apply(t, newHome(t), w.link(k, dead), "box")
	refused(t, err, fault.Unavailable, "unreached")
	_, err = apply(t, newHome(t), w.link(k), "box")
	refused(t, err, fault.Denied, "altered")
	// The key in the link is what counts, not who answers there.
	_, err = apply(t, newHome(t), w.link(k, invite.Endpoint{Node: stranger, Address: live.Address}), "box")
	refused(t, err, fault.Unavailable, "unreached")
	// A name that no machine has is told before the link is used.
	_, err = apply(t, newHome(t), w.link(w.invite(), live), "Box!")
	refused(t, err, fault.Invalid, "")
}
