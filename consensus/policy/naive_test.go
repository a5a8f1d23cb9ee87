package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
)

// naive is the meaning of a policy, written down a second time as plainly as
// it can be.
type naive struct {
	p   *policy.Policy
	dir policy.Directory
}

func (n naive) isPerson(s policy.Selector, t policy.Technician) bool {
	switch s.Kind {
	case policy.Everyone:
		return true
	case policy.Name:
		return s.Name == t.Name
	case policy.InRole:
		return t.Admin
	case policy.InGroup:
		for _, g := range n.p.Groups {
			for _, m := range g.Members {
				if g.Name == s.Name && m.Name == t.Name {
					return true
				}
			}
		}
	case policy.WithTag:
	}
	return false
}

func (n naive) isSender(s policy.Selector, d policy.Device) bool {
	if s.Kind == policy.Everyone || s.Kind == policy.WithTag && slices.Contains(d.Tags, s.Name) {
		return true
	}
	hidden := false
	for _, t := range n.dir.Technicians {
		hidden = hidden || t.Name == s.Name
		if t.Node == d.ID && n.isPerson(s, t) {
			return true
		}
	}
	return s.Kind == policy.Name && s.Name == d.Name && !hidden
}

func isTarget(s policy.Selector, d policy.Device) bool {
	return s.Kind == policy.Everyone ||
		s.Kind == policy.Name && s.Name == d.Name ||
		s.Kind == policy.WithTag && slices.Contains(d.Tags, s.Name) ||
		s.Kind == policy.InRole && slices.Contains(d.Roles, s.Name)
}

func (n naive) verb(t policy.Technician, d policy.Device, v policy.Verb, user string) (bool, int) {
	byod := d.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD
	screen := v == policy.View || v == policy.Control
	if byod && v != policy.Ping && !screen {
		return false, -1
	}
	asked := -1
	for i, g := range n.p.Grants {
		who, where, as := false, false, v != policy.Shell && v != policy.Files && v != policy.Run
		for _, s := range g.Src {
			who = who || n.isPerson(s, t)
		}
		for _, s := range g.Dst {
			where = where || isTarget(s, d)
		}
		for _, u := range g.Users {
			as = as || u == user && u != "*" || u == "*" && user != "root" && user != ""
		}
		if !who || !where || !as || !slices.Contains(g.Verbs, v) {
			continue
		}
		if !screen || !byod && !g.Consent {
			return true, i
		}
		if asked < 0 {
			asked = i
		}
	}
	return asked >= 0, asked
}

// screen is what a technician has of a machine's screen beside the verbs: that
// nobody is asked, and the directions of the clipboard.
func (n naive) screen(t policy.Technician, d policy.Device) (unattended map[policy.Verb]bool, clipboard policy.Clipboard) {
	unattended = map[policy.Verb]bool{}
	for _, v := range []policy.Verb{policy.View, policy.Control} {
		if ok, i := n.verb(t, d, v, ""); ok {
			unattended[v] = d.Ownership != warrenv1.Ownership_OWNERSHIP_BYOD && !n.p.Grants[i].Consent
		}
	}
	for i := range n.p.Grants {
		one := naive{&policy.Policy{Groups: n.p.Groups, Grants: n.p.Grants[i : i+1]}, n.dir}
		if ok, _ := one.verb(t, d, policy.Control, ""); ok {
			clipboard |= n.p.Grants[i].Clipboard
		}
	}
	return unattended, clipboard
}

func (n naive) grantIP(g policy.Grant, a, b policy.Device) bool {
	from, to := false, false
	for _, s := range g.Src {
		from = from || n.isSender(s, a)
	}
	for _, s := range g.Dst {
		to = to || isTarget(s, b)
	}
	return from && to && len(g.IP) > 0 && a.ID != b.ID
}

func (n naive) ip(a, b policy.Device, proto policy.Protocol, port uint16) (bool, int) {
	for i, g := range n.p.Grants {
		for _, p := range g.IP {
			fits := p.Protocol == policy.Any || p.Protocol == proto && (proto == policy.ICMP || p.First <= port && port <= p.Last)
			if fits && n.grantIP(g, a, b) {
				return true, i
			}
		}
	}
	return proto == policy.ICMP && n.meet(a, b), -1
}

func (n naive) meet(a, b policy.Device) bool {
	if a.ID == b.ID {
		return false
	}
	return n.meetOneWay(a, b) || n.meetOneWay(b, a)
}

func (n naive) meetOneWay(a, b policy.Device) bool {
	if slices.Contains(a.Roles, "controller") {
		return true
	}
	for _, g := range n.p.Grants {
		if n.grantIP(g, a, b) {
			return true
		}
	}
	for _, t := range n.dir.Technicians {
		if t.Node != a.ID {
			continue
		}
		for _, v := range policy.Verbs() {
			if n.someUser(t, b, v) {
				return true
			}
		}
	}
	return false
}

func (n naive) someUser(t policy.Technician, d policy.Device, v policy.Verb) bool {
	for _, u := range []string{"root", "somebody", "support", "ops"} {
		if ok, _ := n.verb(t, d, v, u); ok {
			return true
		}
	}
	return false
}

// random makes policies over few names, so that selectors meet and miss.
type random struct{ *rand.Rand }

func (r random) some(from ...string) string {
	n := 1 + r.IntN(3)
	var out []string
	for range n {
		out = append(out, fmt.Sprintf("%q", from[r.IntN(len(from))]))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (r random) policy() string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"groups": {"group:a": %s, "group:b": %s}, "grants": [`, r.some("t0", "t1", "t2", "absent"), r.some("t2", "t3"))
	people := []string{"t0", "t1", "t2", "d0", "d1", "absent", "group:a", "group:b", "role:admin", "*"}
	places := []string{"d0", "d1", "d2", "d3", "absent", "tag:x", "tag:y", "tag:none", "role:device", "role:gateway", "role:technician", "role:controller", "*"}
	for range r.IntN(6) {
		fmt.Fprintf(&b, "\n\t{\"dst\": %s", r.some(places...))
		verbs := r.IntN(2) == 0
		src := people
		if verbs {
			some := r.some("shell", "view", "control", "files", "forward", "run", "ping", "*")
			fmt.Fprintf(&b, `, "verbs": %s`, some)
			control := strings.Contains(some, `"control"`) || strings.Contains(some, "*")
			if (control || strings.Contains(some, `"view"`)) && r.IntN(2) == 0 {
				fmt.Fprintf(&b, `, "consent": %v`, r.IntN(3) > 0)
			}
			if control && r.IntN(2) == 0 {
				fmt.Fprintf(&b, `, "clipboard": %q`, []string{"both", "in", "out", "none"}[r.IntN(4)])
			}
			if r.IntN(3) > 0 {
				fmt.Fprintf(&b, `, "users": %s`, r.some("*", "root", "support", "ops"))
			}
		} else {
			src = append(src, "tag:x", "tag:y", "tag:z")
		}
		if !verbs || r.IntN(3) == 0 {
			fmt.Fprintf(&b, `, "ip": %s`, r.some("*", "icmp", "tcp:22", "udp:20-30", "tcp:*"))
		}
		fmt.Fprintf(&b, `, "src": %s},`, r.some(src...))
	}
	return b.String() + "\n]}"
}

func (r random) members() policy.Directory {
	var dir policy.Directory
	for i := range 2 + r.IntN(6) {
		d := policy.Device{ID: idOf(fmt.Sprint("d", i)), Name: fmt.Sprint("d", i), Roles: []string{[]string{"device", "gateway", "controller", "technician"}[r.IntN(4)]}}
		for _, tag := range []string{"x", "y", "z"} {
			if r.IntN(3) == 0 {
				d.Tags = append(d.Tags, tag)
			}
		}
		d.Ownership = warrenv1.Ownership(1 + r.IntN(2))
		dir.Devices = append(dir.Devices, d)
	}
	for i := range r.IntN(4) {
		name := []string{"t0", "t1", "t2", "d1"}[i] // the last hides a device
		dir.Technicians = append(dir.Technicians, policy.Technician{Name: name, Node: idOf(fmt.Sprint("d", r.IntN(8))), Admin: r.IntN(3) == 0})
	}
	return dir
}

// TestMeaning compares every answer of Compiled with the naive one.
func TestMeaning(t *testing.T) {
	rounds := uint64(400)
	if testing.Short() {
		rounds = 40
	}
	yes, no := 0, 0
	for seed := range rounds {
		r := random{rand.New(rand.NewPCG(seed, 1))}
		text, dir := r.policy(), r.members()
		p, err := policy.Parse([]byte(text))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		c, n := policy.Compile(p, dir), naive{p, dir}
		count := func(what string, got policy.Decision, want bool, grant int) {
			if got.Allowed != want || got.Grant != grant {
				t.Fatalf("seed %d: %s: got %+v, want %v by %d\n%s\n%+v", seed, what, got, want, grant, text, dir)
			}
			if want {
				yes++
			} else {
				no++
			}
		}
		for _, d := range dir.Devices {
			for _, person := range dir.Technicians {
				unattended, clipboard := n.screen(person, d)
				if gotUnattended, gotClipboard := sessionScreen(c.Sessions(d.ID), person.Name); fmt.Sprint(gotUnattended) != fmt.Sprint(unattended) || gotClipboard != clipboard {
					t.Fatalf("seed %d: sessions %s on %s: %v, %s; want %v, %s\n%s", seed, person.Name, d.Name, gotUnattended, gotClipboard, unattended, clipboard, text)
				}
				for _, v := range policy.Verbs() {
					for _, u := range []string{"root", "support", "ops", "somebody", "", "*"} {
						want, grant := n.verb(person, d, v, u)
						count(fmt.Sprint(person.Name, d.Name, v, u), c.Verb(person.Name, d.ID, v, u), want, grant)
						if got := c.Verb(person.Name, d.ID, v, u); got.Consent != (want && (v == policy.View || v == policy.Control) && !unattended[v]) {
							t.Fatalf("seed %d: %s %s %s: consent %v, unattended %v\n%s", seed, person.Name, v, d.Name, got.Consent, unattended, text)
						}
						if got := sessionAllows(c.Sessions(d.ID), person.Name, v, u); got != want {
							t.Fatalf("seed %d: sessions %s %s %s as %q: got %v\n%s", seed, person.Name, v, d.Name, u, got, text)
						}
					}
				}
			}
			peers := slices.Collect(c.Peers(d.ID))
			for _, o := range dir.Devices {
				for port, proto := range map[uint16]policy.Protocol{22: policy.TCP, 23: policy.TCP, 25: policy.UDP, 31: policy.UDP, 0: policy.ICMP} {
					want, grant := n.ip(d, o, proto, port)
					count(fmt.Sprint(d.Name, proto, port, o.Name), c.IP(d.ID, o.ID, proto, port), want, grant)
					if got := packetsAllow(c.Packets(o.ID), d, proto, port); got != (grant >= 0) {
						t.Fatalf("seed %d: packets %s %s:%d %s: got %v\n%s", seed, d.Name, proto, port, o.Name, got, text)
					}
				}
				met := slices.ContainsFunc(peers, func(p *policy.Device) bool { return p.ID == o.ID })
				if want := n.meet(d, o); met != want {
					t.Fatalf("seed %d: meet %s %s: got %v, want %v\n%s\n%+v", seed, d.Name, o.Name, met, want, text, dir)
				}
			}
		}
	}
	if yes < 1000 || no < 1000 {
		t.Errorf("%d allowed, %d denied: the policies are too plain to tell", yes, no)
	}
}

func sessionAllows(grants []policy.SessionGrant, technician string, v policy.Verb, user string) bool {
	return slices.ContainsFunc(grants, func(g policy.SessionGrant) bool {
		as := !v.TakesUser() || user != "*" && slices.Contains(g.Users, user) ||
			user != "" && user != "root" && slices.Contains(g.Users, "*")
		return g.Technician.Name == technician && slices.Contains(g.Verbs, v) && as
	})
}

// sessionScreen is naive.screen, as a machine reads its grants.
func sessionScreen(grants []policy.SessionGrant, technician string) (unattended map[policy.Verb]bool, clipboard policy.Clipboard) {
	unattended = map[policy.Verb]bool{}
	for _, g := range grants {
		for _, v := range g.Verbs {
			if g.Technician.Name == technician && v.Watches() {
				unattended[v] = unattended[v] || !g.Consent
			}
			if g.Technician.Name == technician && v == policy.Control {
				clipboard |= g.Clipboard
			}
		}
	}
	return unattended, clipboard
}

func packetsAllow(grants []policy.PacketGrant, from policy.Device, proto policy.Protocol, port uint16) bool {
	return slices.ContainsFunc(grants, func(g policy.PacketGrant) bool {
		return slices.ContainsFunc(g.From, func(d *policy.Device) bool { return d.ID == from.ID }) &&
			slices.ContainsFunc(g.IP, func(p policy.Ports) bool {
				return p.Protocol == policy.Any || p.Protocol == proto && (proto == policy.ICMP || p.First <= port && port <= p.Last)
			})
	})
}
