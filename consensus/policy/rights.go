package policy

import (
	"cmp"
	"slices"
	"strings"
)

// right is the smallest thing that two policies can differ in: a verb as one
// user, or ports that every rule names whole or not at all.
type right struct {
	verb Verb   // empty for packets
	user string // empty for verbs without one; otherUser is whom no grant names
	ip   Ports
	// Of a verb that Watches: that nobody is asked.
	unattended bool
	// Of Control: one direction.
	clipboard Clipboard
}

// otherUser stands for every OS user that neither policy names. It cannot be
// one.
const otherUser = "*"

// rights are all there are of one kind, and which each grant gives.
type rights struct {
	list  []right
	gives []set // by place in product.grants
}

func newRights(list []right, grants []compiled, given func(g *Grant, one right) bool) rights {
	r := rights{list: list, gives: make([]set, len(grants))}
	for i, g := range grants {
		r.gives[i] = newSet(len(list))
		for n, one := range list {
			if given(g.Grant, one) {
				r.gives[i].add(n)
			}
		}
	}
	return r
}

func sessionRights(grants []compiled) rights {
	named := []string{root}
	for _, g := range grants {
		for _, u := range g.Users {
			if u != otherUser && !slices.Contains(named, u) {
				named = append(named, u)
			}
		}
	}
	slices.Sort(named[1:])
	var list []right
	for _, v := range Verbs() {
		if !v.TakesUser() {
			list = append(list, right{verb: v})
			if v.Watches() {
				list = append(list, right{verb: v, unattended: true})
			}
			if v == Control {
				list = append(list, right{verb: v, clipboard: ClipboardIn}, right{verb: v, clipboard: ClipboardOut})
			}
			continue
		}
		list = append(list, right{verb: v, user: otherUser})
		for _, u := range named {
			list = append(list, right{verb: v, user: u})
		}
	}
	return newRights(list, grants, func(g *Grant, one right) bool {
		// allowsUser takes otherUser for what it is: any user but root.
		return slices.Contains(g.Verbs, one.verb) && (one.user == "" || allowsUser(g.Users, one.user)) &&
			(!one.unattended || !g.Consent) && g.Clipboard&one.clipboard == one.clipboard
	})
}

// packetRights cuts the ports where any rule begins or ends.
func packetRights(grants []compiled) rights {
	var list []right
	for _, proto := range []Protocol{TCP, UDP} {
		starts := []int{0}
		for _, g := range grants {
			for _, p := range g.IP {
				if p.Protocol == proto {
					starts = append(starts, int(p.First), int(p.Last)+1)
				}
			}
		}
		slices.Sort(starts)
		starts = slices.Compact(starts)
		for i, first := range starts {
			last := 65535
			if i+1 < len(starts) {
				last = starts[i+1] - 1
			}
			if first <= last {
				list = append(list, right{ip: Ports{proto, uint16(first), uint16(last)}}) //nolint:gosec // at most 65535
			}
		}
	}
	list = append(list, right{ip: Ports{Protocol: ICMP}})
	return newRights(list, grants, func(g *Grant, one right) bool {
		return slices.ContainsFunc(g.IP, func(p Ports) bool { return p.contains(one.ip.Protocol, one.ip.First) })
	})
}

// keep removes from s what does not fit.
func (r rights) keep(s set, fits func(right) bool) {
	for i := range s.all() {
		if !fits(r.list[i]) {
			s.remove(i)
		}
	}
}

// words tells a set of rights of one kind as changes without Who and On.
func (r rights) words(s set) []Change {
	var ip []Ports
	var out []Change
	users := map[Verb][]string{}
	for i := range s.all() {
		one := r.list[i]
		switch {
		case one.verb == "":
			ip = appendPorts(ip, one.ip)
		case one.unattended && s.has(i-1): // told with the verb itself
		case one.user == "":
			out = joinVerb(out, r.word(s, i), nil, nil)
		default:
			users[one.verb] = append(users[one.verb], one.user)
		}
	}
	for _, v := range Verbs() {
		if as, ok := users[v]; ok {
			out = joinVerb(out, string(v), as, r.except(v, as))
		}
	}
	if ip != nil {
		out = append(out, Change{IP: wholePorts(ip)})
	}
	return out
}

// word is what a policy calls the right at i of s, which takes no user.
func (r rights) word(s set, i int) string {
	one := r.list[i]
	switch {
	case one.unattended:
		return string(one.verb) + " unattended"
	case one.clipboard != 0:
		return "clipboard " + one.clipboard.String()
	case one.verb.Watches() && !s.has(i+1):
		return string(one.verb) + " by consent"
	}
	return string(one.verb)
}

// except are the users that "*" would mean and that are not among as.
func (r rights) except(v Verb, as []string) []string {
	if !slices.Contains(as, otherUser) {
		return nil
	}
	var out []string
	for _, one := range r.list {
		if one.verb == v && one.user != root && !slices.Contains(as, one.user) {
			out = append(out, one.user)
		}
	}
	return out
}

// joinVerb adds a verb to the change that has the same users.
func joinVerb(list []Change, v string, users, except []string) []Change {
	if slices.Contains(users, otherUser) { // it means the named ones too
		users = slices.DeleteFunc(users, func(u string) bool { return u != otherUser && u != root })
	}
	for i, c := range list {
		if slices.Equal(c.Users, users) && slices.Equal(c.Except, except) {
			list[i].Verbs = append(c.Verbs, v)
			return list
		}
	}
	return append(list, Change{Verbs: []string{v}, Users: users, Except: except})
}

// appendPorts adds ports that come in rising order, joined where they touch.
func appendPorts(list []Ports, p Ports) []Ports {
	if n := len(list) - 1; n >= 0 && list[n].Protocol == p.Protocol && p.First > 0 && list[n].Last == p.First-1 {
		list[n].Last = p.Last
		return list
	}
	return append(list, p)
}

// wholePorts says "*" where that is what the ports are.
func wholePorts(list []Ports) []Ports {
	all := []Ports{{TCP, 0, 65535}, {UDP, 0, 65535}, {Protocol: ICMP}}
	if slices.Equal(list, all) {
		return []Ports{{Protocol: Any}}
	}
	return list
}

// Right tells what a change is about, without who and where: "shell, files as
// support", "tcp:22".
func (c Change) Right() string {
	if c.IP != nil {
		return join(c.IP, Ports.String)
	}
	out := strings.Join(c.Verbs, ", ")
	if len(c.Users) == 0 {
		return out
	}
	out += " as " + join(c.Users, userPhrase)
	if len(c.Except) > 0 {
		out += " except " + strings.Join(c.Except, ", ")
	}
	return out
}

func userPhrase(user string) string {
	return cmp.Or(map[string]string{otherUser: "any user but root"}[user], user)
}
