package enrol

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/view"
)

// Application is a newcomer's way through one invite. Greet begins it.
type Application struct {
	// Invite as its technician signed it, Mesh as far as a stranger may know.
	Invite invite.Invite
	Mesh   *trust.Vouched

	home  home.Home
	link  invite.Link
	key   identity.NodeKey
	nonce []byte
	ipv4  []byte // a free address
	offer *warrenv1.Statement
	desk  *client.Enrol
}

// ParseLink reads an invite link. Nonsense is invalid; a link that was cut or
// altered is denied.
func ParseLink(text string) (invite.Link, error) {
	link, err := invite.ParseLink(text)
	switch {
	case err == nil:
		return link, nil
	case errors.Is(err, invite.ErrNotLink):
		return link, fault.New(fault.Invalid, "this is no invite link").Try("the whole text that warren invite printed, in quotes")
	}
	return link, fault.New(fault.Denied, "the invite link is cut or altered").Because("altered").Try("copy it again, whole and in quotes")
}

// Greet asks a controller of the link for the invite, and verifies the answer
// against the mesh id in the link.
func Greet(ctx context.Context, h home.Home, link invite.Link) (*Application, error) {
	if err := h.Dir().Create(); err != nil {
		return nil, err
	}
	if err := unclaimed(h); err != nil {
		return nil, err
	}
	key, err := h.EnsureNodeKey()
	if err != nil {
		return nil, err
	}
	a := &Application{home: h, link: link, key: key}
	var last error
	for node, addresses := range byNode(link.Controllers) {
		desk := client.NewEnrol(key, node, addresses)
		r, err := desk.Greet(ctx, &warrenv1.GreetRequest{Mesh: link.Mesh[:], Invite: link.ID[:]})
		if err != nil {
			desk.Close()
			last = err
			if fault.KindOf(err) == fault.Unavailable {
				continue
			}
			return nil, err
		}
		a.desk = desk
		return a, a.judge(r)
	}
	if last == nil {
		last = fault.New(fault.Denied, "the link names no controller").Because("altered").Try("ask for a new link")
	}
	return nil, last
}

func byNode(list []invite.Endpoint) map[identity.NodeID][]string {
	out := map[identity.NodeID][]string{}
	for _, e := range list {
		out[e.Node] = append(out[e.Node], e.Address)
	}
	return out
}

// judge believes nothing of the answer that does not follow from the link.
func (a *Application) judge(r *warrenv1.GreetResponse) error {
	mesh, err := trust.OpenVouchers(a.link.Mesh, r.GetVouchers())
	if err != nil {
		return fault.New(fault.Denied, "what the controller says of the mesh does not fit the link: %w", err).Try("ask for a new link")
	}
	inv, err := invite.Open(r.GetInvite(), a.link.Mesh, mesh)
	if err != nil {
		return fault.New(fault.Denied, "the invite: %w", err).Try("ask for a new link")
	}
	if inv.ID != a.link.ID || !inv.Key.Equal(invite.Key(a.link.Secret).Public()) {
		return fault.New(fault.Denied, "the controller answered with another invite").Because("altered").Try("ask for a new link")
	}
	if len(r.GetIpv4()) != 4 || !mesh.Holds([4]byte(r.GetIpv4())) {
		return fault.New(fault.Denied, "the controller gave no address of the mesh").Try("ask for a new link")
	}
	a.offer = r.GetInvite()
	a.Mesh, a.Invite, a.nonce, a.ipv4 = mesh, inv, r.GetNonce(), r.GetIpv4()
	return nil
}

// Close drops the connection to the controller.
func (a *Application) Close() {
	if a.desk != nil {
		a.desk.Close()
	}
}

// Claim uses the invite for this machine under name. It answers with the six
// words to compare; the claim is on disk and Await finishes it.
func (a *Application) Claim(ctx context.Context, name string, facts map[string]string, uid int, now time.Time) (home.Member, error) {
	if err := checkName("name", name, "--name NAME"); err != nil {
		return home.Member{}, err
	}
	tunnel, err := a.home.EnsureTunnel()
	if err != nil {
		return home.Member{}, err
	}
	wg, disco, err := tunnel.Keys()
	if err != nil {
		return home.Member{}, err
	}
	keys, err := identity.SignKeys(a.key, a.link.Mesh, wg, disco, tunnel.Counter, now)
	if err != nil {
		return home.Member{}, err
	}
	claim := &warrenv1.Claim{
		Mesh: a.link.Mesh[:], Invite: a.link.ID[:], Name: name, Keys: keys,
		Facts: facts, Nonce: a.nonce, Time: now.UnixMilli(),
	}
	var person ed25519.PrivateKey
	if a.Invite.Role == invite.RoleTechnician {
		if person, err = a.technician(uid); err != nil {
			return home.Member{}, err
		}
	}
	if !a.Invite.Approval {
		claim.Ipv4 = a.ipv4
	}
	statement, err := invite.SignClaim(claim, a.link.Secret, a.key, person)
	if err != nil {
		return home.Member{}, err
	}
	if _, err := a.desk.Claim(ctx, &warrenv1.ClaimRequest{Claim: statement}); err != nil {
		return home.Member{}, err
	}
	stored, err := proto.Marshal(statement)
	if err != nil {
		return home.Member{}, fmt.Errorf("encode claim: %w", err)
	}
	offer, err := proto.Marshal(a.offer)
	if err != nil {
		return home.Member{}, fmt.Errorf("encode invite: %w", err)
	}
	m := home.Member{
		Mesh: a.link.Mesh.String(), MeshName: a.Mesh.Name(), Name: name, Role: a.Invite.Role,
		Pending: &home.Pending{
			Invite: a.link.ID[:], Offer: offer, Claim: stored, Approval: a.Invite.Approval,
			Phrase: invite.Phrase(a.key.Public(), a.link.ID, a.link.Mesh),
		},
	}
	if a.Invite.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD && uid > 0 {
		m.OwnerUID = uid
	}
	for _, c := range a.link.Controllers {
		m.Controllers = append(m.Controllers, home.Controller{Node: c.Node.String(), Address: c.Address})
	}
	return m, a.home.SaveMember(m)
}

// technician reads or makes the joining person's key.
func (a *Application) technician(uid int) (ed25519.PrivateKey, error) {
	t, err := a.home.Technician()
	if errors.Is(err, fs.ErrNotExist) {
		t = home.Technician{Seed: make([]byte, ed25519.SeedSize), UID: uid}
		if _, err := rand.Read(t.Seed); err != nil {
			return nil, fmt.Errorf("make technician key: %w", err)
		}
		err = a.home.SaveTechnician(t)
	}
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(t.Seed), nil
}

// Await waits until the claim in h is decided. Admitted, the folder belongs
// to the mesh when it returns; rejected, it belongs to none. It retries as
// long as ctx lives while no controller answers.
func Await(ctx context.Context, h home.Home) (home.Member, error) {
	m, err := h.Member()
	if err != nil || m.Pending == nil {
		return m, err
	}
	key, err := h.NodeKey()
	if err != nil {
		return m, err
	}
	id := key.ID()
	controllers, err := parseControllers(m.Controllers)
	if err != nil {
		return m, err
	}
	wait := 200 * time.Millisecond
	for {
		for node, addresses := range controllers {
			r, err := awaitAt(ctx, key, node, addresses, &warrenv1.AwaitRequest{Invite: m.Pending.Invite, Node: id[:]})
			switch {
			case ctx.Err() != nil:
				return m, ctx.Err()
			case fault.KindOf(err) == fault.Unavailable:
				continue
			case err != nil:
				return m, err
			}
			switch r.GetState() {
			case warrenv1.ClaimState_CLAIM_STATE_ADMITTED:
				return admitted(h, m, id, r.GetView())
			case warrenv1.ClaimState_CLAIM_STATE_PENDING, warrenv1.ClaimState_CLAIM_STATE_UNSPECIFIED:
			case warrenv1.ClaimState_CLAIM_STATE_REJECTED:
				if err := h.Leave(); err != nil {
					return m, err
				}
				return m, fault.New(fault.Denied, "the mesh %q turned this machine away", m.MeshName).Because("rejected").Try("ask for a new link")
			}
			wait = 0
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(wait):
		}
		wait = min(max(2*wait, 200*time.Millisecond), 10*time.Second)
	}
}

func awaitAt(ctx context.Context, key identity.NodeKey, node identity.NodeID, addresses []string, req *warrenv1.AwaitRequest) (*warrenv1.AwaitResponse, error) {
	desk := client.NewEnrol(key, node, addresses)
	defer desk.Close()
	ctx, cancel := context.WithTimeout(ctx, AwaitTime+10*time.Second)
	defer cancel()
	return desk.Await(ctx, req)
}

func parseControllers(list []home.Controller) (map[identity.NodeID][]string, error) {
	out := map[identity.NodeID][]string{}
	for _, c := range list {
		id, err := identity.ParseNodeID(c.Node)
		if err != nil {
			return nil, fault.New(fault.Invalid, "stored controller: %w", err)
		}
		out[id] = append(out[id], c.Address)
	}
	return out, nil
}

// admitted checks that the View really holds this machine's record.
func admitted(h home.Home, m home.Member, id identity.NodeID, v *warrenv1.View) (home.Member, error) {
	meshID, err := m.MeshID()
	if err != nil {
		return m, err
	}
	cache, err := view.Open(meshID, emptied{h.View()})
	if err != nil {
		return m, err
	}
	if _, err := cache.Merge(v); err != nil {
		return m, fault.New(fault.Denied, "what the controller sent does not verify: %w", err)
	}
	log := cache.Now().Log
	if log == nil {
		return m, fault.New(fault.Denied, "the controller sent no trust log")
	}
	d, ok := log.Device(id)
	if !ok {
		return m, fault.New(fault.Denied, "the controller says admitted, but no signed record says so")
	}
	if err := asInvited(log, m.Pending, d); err != nil {
		return m, err
	}
	m.Name, m.Role, m.Pending = d.Name, d.Role(), nil
	return m, h.SaveMember(m)
}

// asInvited holds the record that was signed for this machine against what it
// was invited to be, and the log against the one the inviter knew: neither a
// controller nor an officer makes more of a machine than its owner agreed to.
func asInvited(log *trust.Log, p *home.Pending, d trust.Device) error {
	var offer, claim warrenv1.Statement
	if err := errors.Join(proto.Unmarshal(p.Offer, &offer), proto.Unmarshal(p.Claim, &claim)); err != nil {
		return fault.New(fault.Invalid, "stored claim: %w", err)
	}
	inv, err := invite.Read(&offer, log.Mesh())
	if err != nil {
		return fault.New(fault.Invalid, "stored invite: %w", err)
	}
	asked, err := invite.OpenClaim(&claim, inv)
	if err != nil {
		return fault.New(fault.Invalid, "stored claim: %w", err)
	}
	if !log.Contains(inv.Head, inv.HeadSequence) {
		return fault.New(fault.Denied, "the controller shows a mesh older than the invite").Because("stale")
	}
	extra := func(role string) bool { return role != inv.Role && role != invite.RoleDevice }
	same := func(a, b []string) bool {
		a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
		return slices.Equal(a, b)
	}
	if d.Name != asked.Name || d.Ownership != inv.Ownership || !slices.Contains(d.Roles, inv.Role) ||
		slices.ContainsFunc(d.Roles, extra) || !same(d.Tags, inv.Tags) || d.Site != inv.Site || d.Customer != inv.Customer {
		return fault.New(fault.Denied, "the record that was signed for this machine is not what it was invited to be").
			Because("record").Try("warren leave, and talk to whoever approved it")
	}
	return nil
}
