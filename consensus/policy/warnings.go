package policy

import (
	"cmp"
	"fmt"
	"slices"
)

// Warning is something in a text that is allowed but may not be meant.
type Warning struct {
	Place
	Msg string
}

func (w Warning) String() string { return fmt.Sprintf("%d:%d: %s", w.Line, w.Column, w.Msg) }

// Warnings gives what in groups and grants comes to nothing with the members
// in dir, in the order of the text. A name matters: who joins under it later
// gets the grant.
func (p *Policy) Warnings(dir Directory) []Warning {
	x := newIndex(dir)
	var out []Warning
	warn := func(at Place, format string, args ...any) {
		out = append(out, Warning{at, fmt.Sprintf(format, args...)})
	}
	for _, g := range p.Groups {
		for _, m := range g.Members {
			if !x.isTechnician(m.Name) {
				warn(m.Place, "no technician is called %s", m.Name)
			}
		}
	}
	for _, g := range p.Grants {
		if g.Users != nil && !slices.ContainsFunc(g.Verbs, Verb.TakesUser) {
			warn(g.Place, `"users" changes nothing: only shell, files and run act as an OS user`)
		}
		for _, s := range g.Src {
			_, device := x.byName[s.Name]
			switch {
			case s.Kind == WithTag && x.tags[s.Name] == nil:
				warn(s.Place, "no device carries %s", s)
			case s.Kind != Name || x.isTechnician(s.Name):
			case g.IP == nil && device:
				warn(s.Place, "%s is a device, and only technicians use verbs", s)
			case g.IP == nil:
				warn(s.Place, "no technician is called %s; one who joins under that name gets this grant", s)
			case !device:
				warn(s.Place, "no technician and no device is called %s; who joins under that name gets this grant", s)
			}
		}
		for _, s := range g.Dst {
			i, device := x.byName[s.Name]
			switch {
			case s.Kind == WithTag && x.tags[s.Name] == nil:
				warn(s.Place, "no device carries %s", s)
			case s.Kind == InRole && x.roles[s.Name] == nil:
				warn(s.Place, "no device has %s", s)
			case s.Kind == Name && !device:
				warn(s.Place, "no device is called %s; one that joins under that name falls under this grant", s)
			case s.Kind == Name && x.byod.has(i) && slices.ContainsFunc(g.Verbs, func(v Verb) bool { return !v.onBYOD() }):
				warn(s.Place, "%s belongs to its user: every verb but ping, view and control is denied there", s)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return out
}
