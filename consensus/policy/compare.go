package policy

import (
	"encoding/binary"
	"slices"
)

// Change is a right that one of two policies gives and the other does not: all
// in Who have it on all in On. It has Verbs or IP.
type Change struct {
	// Who are names of technicians, or with IP of machines; On are names of
	// machines. Where Later is set both are selectors as in a policy and stand
	// for whoever joins under them.
	Who, On []string
	// Verbs are a policy's, and what it says of them: "view by consent", "view
	// unattended" where only that it need no consent changes, "clipboard in".
	// Users are as whom, where a verb takes one; "*" is any but root and those in
	// Except.
	Verbs         []string
	Users, Except []string
	IP            []Ports
	Later         bool
}

// Comparison is how what two policies allow differs. Both lists are empty
// where the texts differ and the meaning does not.
type Comparison struct {
	// Allowed is what the second policy allows and the first did not, Denied
	// the other way round.
	Allowed, Denied []Change
}

// Widens reports whether the second policy allows anything the first did not.
func (c Comparison) Widens() bool { return len(c.Allowed) > 0 }

// Narrows reports whether the second policy denies anything the first allowed.
func (c Comparison) Narrows() bool { return len(c.Denied) > 0 }

// Compare evaluates both policies, of which either may be nil, over every
// technician, machine, verb, OS user and port, and says where the answers
// differ (SECURITY.md 3.2). It does so twice: for the members in dir, and for
// members there might be, one for each selector in either policy. Rights only
// add up, so whoever joins later has no more than the sum of what those have:
// a policy that widens nothing now and for them never does.
//
// That peers may ping each other follows from other rights and is no change of
// its own.
func Compare(before, after *Policy, dir Directory) Comparison {
	if before == nil {
		before = &Policy{}
	}
	if after == nil {
		after = &Policy{}
	}
	now, later := newProduct(before, after, dir), newProduct(before, after, possible(before, after))
	later.later = true
	var out Comparison
	for _, kind := range []func(*product) *table{(*product).sessions, (*product).packets} {
		here, there := kind(now), kind(later)
		there.forget(here)
		for _, t := range []*table{here, there} {
			out.Allowed = append(out.Allowed, t.changes(t.added)...)
			out.Denied = append(out.Denied, t.changes(t.removed)...)
		}
	}
	return out
}

// product is two policies over one directory.
type product struct {
	x      *index
	before *Compiled
	after  *Compiled
	grants []compiled // of both, the older first
	// edited are the grants that the other policy does not have. Only where one
	// of them speaks can an answer differ.
	edited set
	later  bool
}

func newProduct(before, after *Policy, dir Directory) *product {
	x := newIndex(dir)
	p := &product{x: x, before: compileOn(before, x), after: compileOn(after, x)}
	p.grants = slices.Concat(p.before.grants, p.after.grants)
	p.edited = newSet(len(p.grants))
	split := len(p.before.grants)
	for i, g := range p.grants {
		others := p.after.grants
		if i >= split {
			others = p.before.grants
		}
		if !slices.ContainsFunc(others, g.same) {
			p.edited.add(i)
		}
	}
	return p
}

// same reports whether two grants give the same to the same on the same.
func (c compiled) same(o compiled) bool {
	return c.verbs == o.verbs && c.Consent == o.Consent && c.Clipboard == o.Clipboard && slices.Equal(c.Users, o.Users) && slices.Equal(c.IP, o.IP) &&
		slices.Equal(c.targets, o.targets) && slices.Equal(c.people, o.people) && slices.Equal(c.senders, o.senders)
}

// class is members whom no grant of either policy tells apart.
type class struct {
	in      set // the grants that speak of them, by place in product.grants
	members []int
}

// classes sorts the positions 0 to n by what speaks of them, and apart.
func (p *product) classes(n int, in func(g *compiled) set, apart func(i int) string) []class {
	var out []class
	at := map[string]int{}
	for i := range n {
		speaks := newSet(len(p.grants))
		for g := range p.grants {
			if s := in(&p.grants[g]); s != nil && s.has(i) {
				speaks.add(g)
			}
		}
		key := speaks.key() + apart(i)
		j, known := at[key]
		if !known {
			j = len(out)
			at[key] = j
			out = append(out, class{in: speaks})
		}
		out[j].members = append(out[j].members, i)
	}
	return out
}

// targets is how many devices, from the first on, are looked at as targets:
// the machines of imagined technicians come last and are none.
func (p *product) targets() int {
	if p.later {
		return len(p.x.dir.Devices) - len(p.x.dir.Technicians)
	}
	return len(p.x.dir.Devices)
}

func (p *product) ownership(i int) string {
	if p.x.byod.has(i) {
		return "byod"
	}
	return ""
}

// meeting holds all that decides whom device i meets under either policy. It
// says nothing of imagined machines: whether those met would also depend on
// who owns them.
func (p *product) meeting(i int) string {
	if p.later {
		return ""
	}
	key := []byte(p.ownership(i))
	if c := p.x.roles["controller"]; c != nil && c.has(i) {
		key = append(key, " controller"...)
	}
	for g := range p.grants {
		bits := byte('0')
		for n, s := range []set{p.grants[g].senders, p.grants[g].targets, p.grants[g].nodes} {
			if s.has(i) {
				bits |= 1 << n
			}
		}
		key = append(key, bits)
	}
	return string(key)
}

func (s set) key() string {
	out := make([]byte, 0, 8*len(s))
	for _, w := range s {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return string(out)
}
