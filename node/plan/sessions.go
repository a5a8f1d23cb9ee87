package plan

import (
	"warren/consensus/policy"
	"warren/mesh/identity"
	"warren/session"
)

// sessions fills in whom this machine lets in, and for what. A technician
// whose own machine is no member in force has nowhere to come from and is left
// out: that machine is where the key lies.
func (b *builder) sessions() {
	if !b.inForce {
		return
	}
	nodes := make(map[identity.NodeID]bool, len(b.dir.Devices))
	for _, d := range b.dir.Devices {
		nodes[d.ID] = true
	}
	for _, t := range b.dir.Technicians {
		if nodes[t.Node] {
			b.plan.Session.Technicians = append(b.plan.Session.Technicians, session.Technician{Key: t.Key, Name: t.Name, Node: t.Node})
		}
	}
	for _, g := range b.compiled.Sessions(b.self.ID) {
		if nodes[g.Technician.Node] {
			b.plan.Session.Grants = append(b.plan.Session.Grants, grants(g)...)
		}
	}
}

// grants splits a grant by whether its verbs act as an OS user, and show a
// screen. Where they act as none, the user a technician asks with means
// nothing, and any is right.
func grants(g policy.SessionGrant) []session.Grant {
	var as, watched, without []string
	for _, v := range g.Verbs {
		switch {
		case v.TakesUser():
			as = append(as, string(v))
		case v.Watches():
			watched = append(watched, string(v))
		default:
			without = append(without, string(v))
		}
	}
	anybody := []string{"", session.Any, "root"}
	var out []session.Grant
	if as != nil {
		out = append(out, session.Grant{Technician: g.Technician.Key, Verbs: as, Users: g.Users})
	}
	if watched != nil {
		out = append(out, session.Grant{Technician: g.Technician.Key, Verbs: watched, Users: anybody, Rights: session.Rights{
			Consent:     g.Consent,
			ClipboardIn: g.Clipboard&policy.ClipboardIn != 0, ClipboardOut: g.Clipboard&policy.ClipboardOut != 0,
		}})
	}
	if without != nil {
		out = append(out, session.Grant{Technician: g.Technician.Key, Verbs: without, Users: anybody})
	}
	return out
}
