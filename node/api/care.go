package api

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/engine"
	"warren/node/care"
)

// Clock is how another machine's clock stands, or why that is not known.
type Clock struct {
	Name       string
	Controller bool
	// Offset is how much later it is there, give or take Within.
	Offset, Within time.Duration
	Err            error
}

// careService helps people find out what is wrong.
type careService struct{ *Local }

// Examine implements CareService.
func (s careService) Examine(ctx context.Context, _ *warrenv1.ExamineRequest) (*warrenv1.ExamineResponse, error) {
	out := &warrenv1.ExamineResponse{Listen: s.Up.Listen, Loopback: s.Up.Loopback, Tun: s.Up.Tun, Public: s.Up.Public}
	r := s.Running.Load()
	if r == nil {
		_, err := s.running()
		out.Findings = append(out.Findings, findingOf("mesh", false, "", "%v", err))
		return out, nil
	}
	clocks := r.Clocks(ctx)
	out.Findings = append(out.Findings, r.udp(ctx, clocks), r.contact(clocks), clock(clocks), r.record(time.Now()), r.lawful())
	for _, w := range r.warnings() {
		out.Findings = append(out.Findings, findingOf("advice", true, "", "%s", w))
	}
	return out, nil
}

func findingOf(check string, ok bool, hint, format string, args ...any) *warrenv1.Finding {
	return &warrenv1.Finding{Check: check, Ok: ok, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

// udp tells how packets reach the other controllers, which every member may
// meet and which answer on TCP beside.
func (r *Running) udp(ctx context.Context, clocks []Clock) *warrenv1.Finding {
	log := r.log()
	var reached, relayed, silent []string
	for _, p := range r.Presence.Look(ctx) {
		if !log.IsController(p.ID) {
			continue
		}
		d, _ := log.Device(p.ID)
		switch {
		case !p.Online:
			silent = append(silent, d.Name)
		case p.Pong.Kind == engine.KindMemberTLS:
			relayed = append(relayed, d.Name)
		default:
			reached = append(reached, fmt.Sprintf("%s (%s, %.1f ms)", d.Name, p.Pong.Kind, milliseconds(p.Pong.RTT)))
		}
	}
	answers := func(name string) bool {
		return slices.ContainsFunc(clocks, func(c Clock) bool { return c.Name == name && c.Err == nil })
	}
	switch {
	case len(reached)+len(relayed)+len(silent) == 0:
		return findingOf("udp", true, "", "no other controller to reach")
	case len(reached) > 0:
		return findingOf("udp", true, "", "reaches %s", strings.Join(reached, ", "))
	case len(relayed) > 0:
		return findingOf("udp", false, "let UDP out to the world, from any port to 41820 to 41823",
			"UDP is blocked: %s is reached through a member over TLS only", strings.Join(relayed, ", "))
	case slices.ContainsFunc(silent, answers):
		return findingOf("udp", false, "let UDP out here, and in on the controller's port",
			"%s answers on TCP and not on UDP", strings.Join(slices.DeleteFunc(silent, func(n string) bool { return !answers(n) }), ", "))
	}
	return findingOf("udp", false, "whether they run, and whether this machine has a network",
		"no controller answers: %s", strings.Join(silent, ", "))
}

// contact tells when a controller was heard last.
func (r *Running) contact(clocks []Clock) *warrenv1.Finding {
	log := r.log()
	others := slices.DeleteFunc(slices.Clone(clocks), func(c Clock) bool { return !c.Controller })
	answering := slices.ContainsFunc(others, func(c Clock) bool { return c.Err == nil })
	at := r.Contact()
	const hint = "whether they run and can be reached; sessions go on meanwhile, nothing can be changed"
	switch {
	case log.IsController(r.Self) && len(others) == 0:
		return findingOf("contact", true, "", "this machine is the only controller")
	case answering:
		return findingOf("contact", true, "", "a controller answers now; revision %d", r.View.Now().Revision)
	case at.IsZero():
		return findingOf("contact", false, hint, "no controller has answered since this node started")
	}
	return findingOf("contact", false, hint, "no controller has answered for %s", time.Since(at).Round(time.Second))
}

// wrongClock is how far a clock may be off before somebody should look.
const wrongClock = 30 * time.Second

func clock(clocks []Clock) *warrenv1.Finding {
	var agree, off []string
	for _, c := range clocks {
		switch {
		case c.Err != nil:
		case c.Offset.Abs() > wrongClock+c.Within:
			word := "behind"
			if c.Offset < 0 {
				word = "ahead of"
			}
			off = append(off, fmt.Sprintf("%s %s %s", c.Offset.Abs().Round(time.Second), word, c.Name))
		default:
			agree = append(agree, c.Name)
		}
	}
	switch {
	case len(off) > len(agree):
		return findingOf("clock", false, "set it: timedatectl set-ntp true", "this machine's clock is %s", strings.Join(off, ", "))
	case len(off) > 0:
		return findingOf("clock", false, "set the clock there: timedatectl set-ntp true",
			"this machine's clock is %s; %s agree with it", strings.Join(off, ", "), strings.Join(agree, ", "))
	case len(agree) == 0:
		return findingOf("clock", true, "", "nobody to compare with")
	}
	return findingOf("clock", true, "", "agrees with %s", strings.Join(agree, ", "))
}

// record tells how long this machine is a member.
func (r *Running) record(now time.Time) *warrenv1.Finding {
	d, ok := r.log().Device(r.Self)
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	// Three looks of the renewing loop may fail before somebody should know.
	const late = 24 * time.Hour
	switch {
	case !ok:
		return findingOf("record", false, "warren leave, then join with a new link", "the mesh has no record of this machine")
	case d.Revoked:
		return findingOf("record", false, "warren leave, then join with a new link", "this machine was revoked")
	case d.NotAfter.IsZero():
		return findingOf("record", true, "", "has no end")
	case !now.Before(d.NotAfter):
		return findingOf("record", false, "reach a controller soon: after a week the mesh drops this machine", "ended on %s", day(d.NotAfter))
	case now.Before(d.NotBefore):
		return findingOf("record", false, "set the clock: timedatectl set-ntp true", "begins on %s only: this machine's clock is behind", day(d.NotBefore))
	case now.After(d.RenewAt().Add(late)):
		return findingOf("record", false, "reach a controller; the node renews by itself", "ends on %s, and should have been renewed on %s", day(d.NotAfter), day(d.RenewAt()))
	}
	return findingOf("record", true, "", "until %s; the node renews it from %s on", day(d.NotAfter), day(d.RenewAt()))
}

// lawful tells whether this machine knows what is allowed.
func (r *Running) lawful() *warrenv1.Finding {
	now := r.View.Now()
	_, revision := now.Log.Policy()
	switch {
	case now.Fork != nil:
		return findingOf("policy", false, "compare warren policy history with other machines, and revoke that controller", "a controller told another history of the mesh: %v", now.Fork)
	case now.Policy == nil && now.PolicyErr != nil:
		return findingOf("policy", false, "update warren here, or wait for a controller", "%v; nothing is allowed until then", now.PolicyErr)
	}
	return findingOf("policy", true, "", "revision %d is held and verified", revision)
}

// Evidence implements CareService.
func (s careService) Evidence(context.Context, *warrenv1.EvidenceRequest) (*warrenv1.EvidenceResponse, error) {
	var stacks bytes.Buffer
	// Form 1 has functions and lines, without arguments: those may be keys.
	if err := pprof.Lookup("goroutine").WriteTo(&stacks, 1); err != nil {
		return nil, fmt.Errorf("dump goroutines: %w", err)
	}
	hide := care.Of(s.Home)
	return &warrenv1.EvidenceResponse{
		Log: hide.Text(s.Lines()), Goroutines: hide.Text(stacks.String()), Started: s.Started.UnixMilli(),
	}, nil
}

// Names implements CareService.
func (s careService) Names(context.Context, *warrenv1.NamesRequest) (*warrenv1.NamesResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	out := &warrenv1.NamesResponse{}
	now := r.View.Now()
	for d := range now.Log.Devices() {
		if d.Revoked {
			continue
		}
		out.Devices = append(out.Devices, d.Name)
		out.Tags = append(out.Tags, d.Tags...)
	}
	out.Technicians = technicianNames(now.Log)
	if now.Policy != nil {
		for _, g := range now.Policy.Groups {
			out.Groups = append(out.Groups, g.Name)
		}
	}
	slices.Sort(out.Tags)
	out.Tags = slices.Compact(out.Tags)
	return out, nil
}

func technicianNames(log *trust.Log) []string {
	var out []string
	for _, t := range log.Technicians() {
		if !t.Revoked {
			out = append(out, t.Name)
		}
	}
	return out
}
