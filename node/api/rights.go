package api

import (
	"cmp"
	"context"
	"slices"
	"strings"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
)

// asked are a grant's verbs, and which of them this machine's user is asked
// for first.
func asked(g session.Grant) []string {
	if !g.Consent {
		return g.Verbs
	}
	out := slices.Clone(g.Verbs)
	for i := range out {
		out[i] += " by consent"
	}
	return out
}

// Rights implements MeaningService: what the broker of this machine goes by.
func (s meaningService) Rights(context.Context, *warrenv1.RightsRequest) (*warrenv1.RightsResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	log, now := r.log(), r.Plan().Session
	out := &warrenv1.RightsResponse{}
	for _, g := range now.Grants {
		who, ok := now.Technician(g.Technician)
		if !ok {
			continue
		}
		right := &warrenv1.Right{Technician: who.Name, Node: who.Node.Short(), Verbs: asked(g), Users: g.Users}
		if slices.Contains(g.Users, "") { // these verbs act as nobody
			right.Users = nil
		}
		if t, ok := log.Technician(g.Technician); ok {
			right.Admin = t.Admin
		}
		if d, ok := log.Device(who.Node); ok {
			right.Node = d.Name
		}
		out.Rights = append(out.Rights, right)
	}
	out.Rights = together(out.GetRights())
	return out, nil
}

// together sorts rights, and makes one of those of one person as the same users.
func together(rights []*warrenv1.Right) []*warrenv1.Right {
	order := func(a, b *warrenv1.Right) int {
		return cmp.Or(strings.Compare(a.GetTechnician(), b.GetTechnician()), strings.Compare(a.GetNode(), b.GetNode()),
			slices.Compare(a.GetUsers(), b.GetUsers()))
	}
	slices.SortStableFunc(rights, order)
	var out []*warrenv1.Right
	for _, r := range rights {
		if last := len(out) - 1; last >= 0 && order(out[last], r) == 0 {
			out[last].Verbs = append(slices.Clone(out[last].GetVerbs()), r.GetVerbs()...)
			continue
		}
		out = append(out, r)
	}
	return out
}
