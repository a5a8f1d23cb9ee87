package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tailscale/hujson"

	"warren/mesh/identity"
)

const nameRule = "a name is 1 to 63 of a-z, 0-9 and -, without - at its ends"

// side tells sources from destinations: other selectors fit.
type side struct {
	what   string
	groups bool
	roles  []string
	hint   string
}

func source() side {
	return side{"a source", true, []string{"admin"}, ", group:NAME, role:admin"}
}

func destination() side {
	roles := []string{"controller", "gateway", "device", "technician"}
	return side{"a destination", false, roles, ", role:" + strings.Join(roles, "|")}
}

func (r *reader) selector(into *[]Selector, side side) func(*hujson.Value) {
	return func(v *hujson.Value) {
		word, ok := r.text(v, side.what)
		if !ok {
			return
		}
		s, fits := readSelector(word, side)
		s.Place = r.place(v)
		if !fits {
			r.fail(s.Place, "%s", side.mistake(word))
			return
		}
		*into = append(*into, s)
	}
}

// readSelector reads one word; fits is false where it is none.
func readSelector(word string, side side) (s Selector, fits bool) {
	prefix, rest, colon := strings.Cut(word, ":")
	switch {
	case word == "*":
		s.Kind = Everyone
	case !colon && identity.ValidName(word):
		s.Kind, s.Name = Name, word
	case colon && prefix == "tag" && identity.ValidName(rest):
		s.Kind, s.Name = WithTag, rest
	case colon && prefix == "group" && identity.ValidName(rest) && side.groups:
		s.Kind, s.Name = InGroup, rest
	case colon && prefix == "role" && slices.Contains(side.roles, rest):
		s.Kind, s.Name = InRole, rest
	default:
		return s, false
	}
	return s, true
}

func (s side) mistake(word string) string {
	return fmt.Sprintf("%s is not %s: write *, NAME, tag:NAME%s; %s", quote(word), s.what, s.hint, nameRule)
}

func (r *reader) verb(into *[]Verb) func(*hujson.Value) {
	return func(v *hujson.Value) {
		word, ok := r.text(v, "a verb")
		switch {
		case !ok:
		case word == "*":
			*into = append(*into, Verbs()...)
		case slices.Contains(Verbs(), Verb(word)):
			*into = append(*into, Verb(word))
		default:
			r.fail(r.place(v), "unknown verb %s; verbs are %s and *", quote(word),
				join(Verbs(), func(v Verb) string { return string(v) }))
		}
	}
}

func (r *reader) clipboard(v *hujson.Value) Clipboard {
	word, ok := r.text(v, `"clipboard"`)
	if !ok {
		return 0
	}
	at := slices.Index(clipboards(), word)
	if at < 0 {
		r.fail(r.place(v), "unknown clipboard %s; it is both, in, out or none", quote(word))
		return 0
	}
	return Clipboard(at) //nolint:gosec // an index of four
}

// user reads an OS user's name. Systems differ in what they allow (Windows has
// spaces and backslashes), so only what cannot be one is refused.
func (r *reader) user(into *[]string) func(*hujson.Value) {
	return func(v *hujson.Value) {
		name, ok := r.text(v, "an OS user")
		if !ok {
			return
		}
		odd := func(c rune) bool { return !unicode.IsPrint(c) || c == ':' || c == '/' }
		switch {
		case name == "" || len(name) > 256 || strings.ContainsFunc(name, odd) || name != strings.TrimSpace(name):
			r.fail(r.place(v), "%s cannot be an OS user", quote(name))
		case name != "*" && strings.Contains(name, "*"):
			r.fail(r.place(v), "%s: patterns are not understood; * alone is any user but root", quote(name))
		default:
			*into = append(*into, name)
		}
	}
}

func (r *reader) ports(into *[]Ports) func(*hujson.Value) {
	return func(v *hujson.Value) {
		word, ok := r.text(v, "an ip rule")
		if !ok {
			return
		}
		p, why := parsePorts(word)
		if why != "" {
			r.fail(r.place(v), "%s: %s", quote(word), why)
			return
		}
		*into = append(*into, p)
	}
}

// parsePorts reads one word of "ip"; why is empty where it could.
func parsePorts(word string) (p Ports, why string) {
	switch word {
	case "*":
		return Ports{Protocol: Any}, ""
	case "icmp":
		return Ports{Protocol: ICMP}, ""
	}
	name, ports, colon := strings.Cut(word, ":")
	switch {
	case colon && name == "tcp":
		p.Protocol = TCP
	case colon && name == "udp":
		p.Protocol = UDP
	default:
		return Ports{}, "write *, icmp, tcp:PORT, udp:PORT, tcp:FIRST-LAST or tcp:*"
	}
	if ports == "*" {
		p.First, p.Last = 0, 65535
		return p, ""
	}
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		last = first
	}
	var ok1, ok2 bool
	p.First, ok1 = parsePort(first)
	p.Last, ok2 = parsePort(last)
	switch {
	case !ok1 || !ok2:
		return Ports{}, "ports are 1 to 65535"
	case p.First > p.Last:
		return Ports{}, "the range ends before it begins"
	}
	return p, ""
}

func parsePort(s string) (uint16, bool) {
	if s == "" || s[0] < '1' || s[0] > '9' { // no sign, no leading zero
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil
}

// references checks what must be defined in the text itself.
func (r *reader) references() {
	groups := map[string]bool{}
	for _, g := range r.out.Groups {
		groups[g.Name] = true
	}
	tags := map[string]bool{}
	for _, t := range r.out.Tags {
		tags[t.Name] = true
	}
	for s := range r.out.selectors() {
		switch {
		case s.Kind == InGroup && !groups[s.Name]:
			r.fail(s.Place, "%s is not defined in \"groups\"", s)
		case s.Kind == WithTag && r.out.declared && !tags[s.Name]:
			r.fail(s.Place, "%s is not declared; a policy with \"tags\" declares every tag it uses", s)
		}
	}
}

// selectors goes through all there are, in the order of the text.
func (p *Policy) selectors() func(yield func(Selector) bool) {
	return func(yield func(Selector) bool) {
		for _, g := range p.Grants {
			for _, s := range slices.Concat(g.Src, g.Dst) {
				if !yield(s) {
					return
				}
			}
		}
		for _, t := range p.Tests {
			for _, s := range slices.Concat([]Selector{t.Src}, t.Allow, t.Deny) {
				if !yield(s) {
					return
				}
			}
		}
	}
}
