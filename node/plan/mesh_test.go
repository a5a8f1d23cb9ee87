package plan_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
	"warren/consensus/trust"
	"warren/mesh"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
	"warren/node/plan"
)

// day0 is when every record of a test mesh begins.
var day0 = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const life = 90 * 24 * time.Hour

// world is a mesh whose keys follow from its names, so that golden files stay.
type world struct {
	t         testing.TB
	log       *trust.Log
	owner     ed25519.PrivateKey
	next      int // counts IPv4 addresses
	ids       map[string]identity.NodeID
	names     map[identity.NodeID]string
	directory *mesh.Directory
}

func personKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("person " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func nodeKey(t testing.TB, name string) identity.NodeKey {
	t.Helper()
	seed := sha256.Sum256([]byte("node " + name))
	k, err := identity.NodeKeyFromSeed(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func found(t testing.TB, ownerNode string) *world {
	t.Helper()
	w := &world{t: t, owner: personKey("owner"), ids: map[string]identity.NodeID{}, names: map[identity.NodeID]string{}}
	id := nodeKey(t, ownerNode).ID()
	public, _ := w.owner.Public().(ed25519.PublicKey)
	recovery, _ := personKey("recovery").Public().(ed25519.PublicKey)
	genesis, err := trust.SignEntry(trust.Genesis(day0, &warrenv1.Genesis{
		Name: "firm", RecoveryKey: recovery, Ipv4Range: "100.97.0.0/16", Nonce: make([]byte, 16),
		Founder:    &warrenv1.TechnicianRecord{Name: "owner", Key: public, Admin: true, Node: id[:], NotBefore: day0.Unix()},
		Thresholds: &warrenv1.Thresholds{Admin: 1, Controller: 1, Device: 1, Gateway: 1, Policy: 1},
	}), w.owner)
	if err != nil {
		t.Fatal(err)
	}
	if w.log, err = trust.Found(genesis); err != nil {
		t.Fatal(err)
	}
	w.directory = mesh.NewDirectory(w.log.Mesh(), func(id identity.NodeID) bool {
		_, ok := w.log.Device(id)
		return ok
	})
	return w
}

func (w *world) append(body any) {
	w.t.Helper()
	s, err := trust.SignEntry(w.log.Draft(day0, body), w.owner)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.log, err = w.log.Append(s); err != nil {
		w.t.Fatal(err)
	}
}

// device adds a machine, and the controller record where it has that role and
// is no candidate.
func (w *world) device(d *warrenv1.DeviceRecord, candidate bool) {
	w.t.Helper()
	k := nodeKey(w.t, d.GetName())
	w.next++
	d.Key, d.Ipv4 = k.Public(), []byte{100, 97, byte(w.next / 250), byte(1 + w.next%250)}
	d.NotBefore = day0.Unix()
	if d.GetNotAfter() == 0 {
		d.NotAfter = day0.Add(life).Unix()
	}
	if d.GetOwnership() == 0 {
		d.Ownership = warrenv1.Ownership_OWNERSHIP_MANAGED
	}
	w.append(d)
	if slices.Contains(d.GetRoles(), "controller") && !candidate {
		w.append(&warrenv1.ControllerRecord{Key: d.GetKey()})
	}
	w.ids[d.GetName()], w.names[k.ID()] = k.ID(), d.GetName()
}

// state gives a machine keys that follow from the word, and an endpoint.
func (w *world) state(name, word string, also ...func(*identity.Endpoints)) {
	w.t.Helper()
	k := nodeKey(w.t, name)
	keys := identitytest.Keys(w.t, k, w.log.Mesh(), word, 1, day0)
	d, _ := w.log.Device(k.ID())
	where := identity.Endpoints{
		Addresses: []netip.AddrPort{
			netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, d.IPv4.As4()[3]}), 41820),
			netip.AddrPortFrom(d.IPv4, 41820),
		},
		Counter: 1, Time: day0,
	}
	for _, more := range also {
		more(&where)
	}
	endpoints, err := where.Sign(k, w.log.Mesh())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range []*warrenv1.Statement{keys, endpoints} {
		if _, err := w.directory.Merge(s); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) technician(name, node string, admin bool, end time.Time) {
	w.t.Helper()
	public, _ := personKey(name).Public().(ed25519.PublicKey)
	id := nodeKey(w.t, node).ID()
	r := &warrenv1.TechnicianRecord{Name: name, Key: public, Admin: admin, Node: id[:], NotBefore: day0.Unix()}
	if !end.IsZero() {
		r.NotAfter = end.Unix()
	}
	w.append(r)
}

func (w *world) revoke(kind warrenv1.RevocationKind, target []byte) {
	w.t.Helper()
	s, err := trust.SignRevocation(w.log.Mesh(), kind, target, "a test", day0, w.owner)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.log, err = w.log.Revoke(s); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) view(text []byte, now time.Time) plan.View {
	w.t.Helper()
	v := plan.View{Revision: w.log.Len(), Log: w.log, Keys: w.directory.Keys, Endpoints: w.directory.Endpoints, Now: now}
	sum := sha256.Sum256(text)
	w.append(&warrenv1.PolicyRecord{Hash: sum[:], Revision: 1})
	v.Log = w.log
	if len(text) > 0 {
		p, err := policy.Parse(text)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := p.Check(first(policy.Members(w.log, now))); err != nil {
			w.t.Fatal(err)
		}
		v.Policy = p
	}
	return v
}

func first[A, B any](a A, _ B) A { return a }

// build reads lines of a script:
//
//	owner NODE
//	device NAME [ROLE ...] [tag:T ...] [byod] [until:DURATION]
//	device NAME candidate: the role controller without the record
//	keys NAME [like:OTHER]
//	technician NAME on NODE [admin] [until:DURATION]
//	revoke device|technician NAME
//
// The owner works from the first machine named.
func build(t testing.TB, script string) *world {
	t.Helper()
	var w *world
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		f := strings.Fields(line)
		if w == nil {
			w = found(t, f[1])
		}
		if f[0] != "owner" {
			w.line(f)
		}
	}
	return w
}

func (w *world) line(f []string) {
	w.t.Helper()
	var end time.Time
	var tags, words []string
	var also []func(*identity.Endpoints)
	like := f[1]
	for _, word := range f[2:] {
		kind, value, _ := strings.Cut(word, ":")
		switch kind {
		case "until":
			d, err := time.ParseDuration(value)
			if err != nil {
				w.t.Fatal(err)
			}
			end = day0.Add(d)
		case "tag":
			tags = append(tags, value)
		case "like":
			like = value
		case "public":
			also = append(also, func(e *identity.Endpoints) { e.Public = append(e.Public, value) })
		case "serves":
			var port uint16
			_, _ = fmt.Sscan(value, &port)
			also = append(also, func(e *identity.Endpoints) {
				e.Rendezvous = &identity.Rendezvous{Certificate: [32]byte{7}, TLS: []uint16{port}, STUN: []uint16{41821, 41822}, Relay: 41823}
			})
		case "home":
			also = append(also, func(e *identity.Endpoints) { e.Home = w.ids[value] })
		default:
			words = append(words, word)
		}
	}
	switch f[0] {
	case "device":
		d := &warrenv1.DeviceRecord{Name: f[1], Tags: tags}
		if !end.IsZero() {
			d.NotAfter = end.Unix()
		}
		if i := slices.Index(words, "byod"); i >= 0 {
			d.Ownership, d.Owner, words = warrenv1.Ownership_OWNERSHIP_BYOD, "carl", slices.Delete(words, i, i+1)
		}
		if d.Roles = words; len(words) == 0 {
			d.Roles = []string{"device"}
		}
		i := slices.Index(words, "candidate")
		if i >= 0 {
			d.Roles[i] = "controller"
		}
		w.device(d, i >= 0)
	case "keys":
		w.state(f[1], like, also...)
	case "technician":
		w.technician(f[1], words[1], slices.Contains(words, "admin"), end)
	case "revoke":
		if f[1] == "device" {
			id := w.ids[f[2]]
			w.revoke(warrenv1.RevocationKind_REVOCATION_KIND_NODE, id[:])
			return
		}
		key, _ := personKey(f[2]).Public().(ed25519.PublicKey)
		w.revoke(warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, key)
	default:
		w.t.Fatalf("script: %q", f)
	}
}

// render writes a plan with names instead of addresses and keys.
func (w *world) render(p plan.Plan, err error) string {
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("plan of %s", w.names[p.Mesh.Self])
	if p.Mesh.Self != p.Session.Self || p.Mesh.Mesh != w.log.Mesh() || p.Session.Mesh != w.log.Mesh() {
		line("\twrong names: %v %v", p.Mesh.Self, p.Session.Self)
	}
	if p.Revoked {
		line("\trevoked")
	}
	if len(p.Mesh.Addresses) > 0 {
		line("\taddresses %s routes %s", w.words(p.Mesh.Addresses), w.words(p.Mesh.Routes))
	}
	peers := slices.Clone(p.Mesh.Peers)
	slices.SortFunc(peers, func(a, b mesh.Peer) int { return strings.Compare(w.names[a.ID], w.names[b.ID]) })
	for _, q := range peers {
		line("\tpeer %s: allowed %s, endpoints %v", w.names[q.ID], w.words(q.AllowedIPs), q.Endpoints)
		if !q.Home.IsZero() {
			line("\t\twaits at %s", w.names[q.Home])
		}
		k, _ := w.directory.Keys(q.ID)
		if k.WireGuard != q.WireGuard || k.Disco != q.Disco {
			line("\t\twith other keys")
		}
	}
	for _, r := range p.Mesh.Rendezvous {
		if r.Name != w.names[r.ID] || r.Certificate != [32]byte{7} {
			line("\twrong rendezvous %+v", r)
		}
		line("\trendezvous %s: doors %v, stun %v, relay %v", r.Name, r.Doors, r.STUN, r.Relay)
	}
	if !p.Mesh.Home.IsZero() {
		line("\twaited at %s", w.names[p.Mesh.Home])
	}
	if p.Mesh.Filter != nil {
		for _, r := range p.Mesh.Filter.List {
			line("\tfrom %s: %s %d-%d", w.words(r.Srcs), r.Protocol, r.Ports.First, r.Ports.Last)
		}
	}
	for _, t := range p.Session.Technicians {
		line("\ttechnician %s from %s", t.Name, w.names[t.Node])
	}
	for _, g := range p.Session.Grants {
		t, _ := p.Session.Technician(g.Technician)
		how := ""
		for _, one := range []struct {
			yes  bool
			word string
		}{{g.Consent, "by consent"}, {g.ClipboardIn, "clipboard in"}, {g.ClipboardOut, "clipboard out"}} {
			if one.yes {
				how += ", " + one.word
			}
		}
		line("\t%s: %s as %q%s", t.Name, strings.Join(g.Verbs, " "), g.Users, how)
	}
	if !p.Until.IsZero() {
		line("\tuntil %s", p.Until.Sub(day0))
	}
	for _, warning := range p.Warnings {
		line("\twarning: %s", warning)
	}
	return b.String()
}

func (w *world) words(list []netip.Prefix) string {
	var out []string
	for _, p := range list {
		word := p.String()
		switch p {
		case w.log.Mesh().Prefix():
			word = "mesh6"
		case w.log.IPv4Range():
			word = "mesh4"
		}
		for name, id := range w.ids {
			d, _ := w.log.Device(id)
			if p == netip.PrefixFrom(w.log.Mesh().Address(id), 128) {
				word = name + "/6"
			} else if p == netip.PrefixFrom(d.IPv4, 32) {
				word = name + "/4"
			}
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

func byID(a, b mesh.Peer) int { return bytes.Compare(a.ID[:], b.ID[:]) }
