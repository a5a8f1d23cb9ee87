package api

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
	"warren/consensus/trust"
	"warren/node/fault"
)

// meaningService answers questions about policies, from what this machine
// holds.
type meaningService struct{ *Local }

// Explain implements MeaningService.
func (s meaningService) Explain(_ context.Context, req *warrenv1.ExplainRequest) (*warrenv1.ExplainResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	now := r.View.Now()
	if now.Policy == nil {
		return &warrenv1.ExplainResponse{Reasons: []string{noPolicy(now.PolicyErr)}}, nil
	}
	src, gone := names{now.Log}.source(req.GetSrc())
	dst, lost := names{now.Log}.target(req.GetDst())
	q, err := policy.ParseQuestion(src, dst, req.GetVerb(), req.GetUser())
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err).Try("warren policy explain --help")
	}
	if gone = slices.Concat(gone, lost); len(gone) > 0 {
		return &warrenv1.ExplainResponse{Reasons: gone}, nil
	}
	members, _ := policy.Members(now.Log, time.Now())
	if who, unknown := now.Policy.Unknown(q, members); unknown {
		return nil, unknownSelector(who)
	}
	a := now.Policy.Explain(q, members)
	out := &warrenv1.ExplainResponse{Allowed: a.Allowed, Reasons: a.Reasons, Missing: a.Missing}
	for _, g := range a.Grants {
		out.Grants = append(out.Grants, &warrenv1.GrantLine{
			Line: uint32(now.Policy.Grants[g].Line), Text: policy.GrantText(now.PolicyText, g), //nolint:gosec // a text has few lines
		})
	}
	return out, nil
}

func noPolicy(err error) string {
	if err != nil {
		return fmt.Sprintf("%v; until then nothing is allowed", err)
	}
	return "no policy is in force, so nothing is allowed"
}

func unknownSelector(s policy.Selector) error {
	switch s.Kind {
	case policy.InGroup:
		return fault.New(fault.NotFound, "the policy has no %s", s).Try("warren policy show")
	case policy.WithTag:
		return fault.New(fault.NotFound, "no device carries %s, and the policy does not speak of it", s).Try("warren devices --count-by tags")
	case policy.Name, policy.Everyone, policy.InRole:
	}
	return fault.New(fault.NotFound, "no technician and no device is called %q", s.Name).Try("warren technicians, warren devices")
}

// names finds what people call machines and each other.
type names struct{ log *trust.Log }

// source gives the selector that word means, and why nothing it names may do
// anything any more.
func (n names) source(word string) (selector string, gone []string) {
	var last *trust.Technician
	for _, t := range n.log.Technicians() {
		if t.Name == word {
			last = &t
			if !t.Revoked {
				break
			}
		}
	}
	switch {
	case last == nil:
		return n.target(word)
	case last.Revoked:
		return word, []string{fmt.Sprintf("technician %s was revoked", word)}
	case !last.NotAfter.IsZero() && !time.Now().Before(last.NotAfter):
		return word, []string{fmt.Sprintf("the record of technician %s ended on %s", word, last.NotAfter.UTC().Format(time.DateOnly))}
	}
	return word, nil
}

// target is source for what can only be a machine.
func (n names) target(word string) (selector string, gone []string) {
	d, err := FindDevice(n.log, word)
	if err != nil {
		return strings.TrimSpace(word), nil // a selector, or a name that only the policy knows
	}
	members, _ := policy.Members(n.log, time.Now())
	switch {
	case d.Revoked:
		gone = []string{fmt.Sprintf("device %s was revoked", d.Name)}
	case !slices.ContainsFunc(members.Devices, func(m policy.Device) bool { return m.ID == d.ID }):
		gone = []string{fmt.Sprintf("the record of device %s is not in force", d.Name)}
	}
	return d.Name, gone
}

// Compare implements MeaningService.
func (s meaningService) Compare(_ context.Context, req *warrenv1.CompareRequest) (*warrenv1.CompareResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(req.GetPolicy())
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	now := r.View.Now()
	members, _ := policy.Members(now.Log, time.Now())
	diff := policy.Compare(now.Policy, p, members)
	out := &warrenv1.CompareResponse{
		Allowed: changesOf(diff.Allowed), Denied: changesOf(diff.Denied),
		SameText: bytes.Equal(now.PolicyText, req.GetPolicy()),
		Devices:  uint32(len(members.Devices)), //nolint:gosec // thousands
	}
	_, out.Revision = now.Log.Policy()
	return out, nil
}

func changesOf(list []policy.Change) []*warrenv1.RightChange {
	var out []*warrenv1.RightChange
	for _, c := range list {
		change := &warrenv1.RightChange{Who: c.Who, On: c.On, Users: c.Users, Except: c.Except, Later: c.Later}
		for _, v := range c.Verbs {
			change.Verbs = append(change.Verbs, string(v))
		}
		for _, p := range c.IP {
			change.Ip = append(change.Ip, p.String())
		}
		out = append(out, change)
	}
	return out
}

// History implements MeaningService.
func (s meaningService) History(context.Context, *warrenv1.HistoryRequest) (*warrenv1.HistoryResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	return &warrenv1.HistoryResponse{Revisions: history(r.log())}, nil
}

// history is every policy the log names, the newest first.
func history(log *trust.Log) []*warrenv1.PolicyRevision {
	var out []*warrenv1.PolicyRevision
	for _, s := range log.Entries(0) {
		var e warrenv1.Entry
		if proto.Unmarshal(s.GetPayload(), &e) != nil || e.GetPolicy() == nil {
			continue
		}
		one := &warrenv1.PolicyRevision{
			Revision: e.GetPolicy().GetRevision(), Time: e.GetTime(), Hash: hex.EncodeToString(e.GetPolicy().GetHash()),
		}
		for _, sig := range s.GetSignatures() {
			if t, ok := log.Technician(sig.GetKey()); ok {
				one.Authors = append(one.Authors, t.Name)
			}
		}
		out = append(out, one)
	}
	slices.Reverse(out)
	return out
}
