package policy

import "slices"

// table is how the rights of one kind changed, by pairs of classes.
type table struct {
	p                 *product
	rights            rights
	subjects, objects []class
	who, on           func(i int) string
	added, removed    []cell
}

// cell is what changed between one class of subjects and one of objects.
type cell struct {
	subject, object int
	rights          set
}

// sessions is what technicians may do on machines.
func (p *product) sessions() *table {
	t := &table{p: p, rights: sessionRights(p.grants), who: p.technician, on: p.device}
	all := func(int) string { return "" }
	t.subjects = p.classes(len(p.x.dir.Technicians), func(g *compiled) set { return g.people }, all)
	t.objects = p.classes(p.targets(), func(g *compiled) set { return g.targets }, p.ownership)
	t.fill(func(_, o class, r set, _ *Compiled) {
		if p.x.byod.has(o.members[0]) {
			t.rights.keep(r, func(one right) bool { return one.verb.onBYOD() && !one.unattended })
		}
	})
	return t
}

// packets is what machines may send to machines.
func (p *product) packets() *table {
	t := &table{p: p, rights: packetRights(p.grants), who: p.sender, on: p.device}
	t.subjects = p.classes(len(p.x.dir.Devices), func(g *compiled) set { return g.senders }, p.meeting)
	t.objects = p.classes(p.targets(), func(g *compiled) set { return g.targets }, p.meeting)
	t.fill(func(s, o class, r set, other *Compiled) {
		if p.later {
			return
		}
		a, b := s.members[0], o.members[len(o.members)-1]
		if a == b {
			a = s.members[len(s.members)-1]
		}
		if other.meet(a, b) {
			t.rights.keep(r, func(one right) bool { return one.ip.Protocol != ICMP })
		}
	})
	return t
}

func (p *product) device(i int) string     { return p.x.dir.Devices[i].Name }
func (p *product) technician(i int) string { return p.x.dir.Technicians[i].Name }

// sender names a machine as a policy does.
func (p *product) sender(i int) string {
	if t := i - p.targets(); t >= 0 {
		return p.technician(t)
	}
	return p.device(i)
}

// fill computes added and removed. above takes from r what stands above the
// policies: what is allowed under the other one anyway, or under none.
func (t *table) fill(above func(s, o class, r set, other *Compiled)) {
	split := len(t.p.before.grants)
	for i, s := range t.subjects {
		edited := s.in.both(t.p.edited)
		if edited.empty() {
			continue
		}
		for j, o := range t.objects {
			if !edited.meets(o.in) {
				continue
			}
			both := s.in.both(o.in)
			old, now := newSet(len(t.rights.list)), newSet(len(t.rights.list))
			for g := range both.all() {
				if g < split {
					old.join(t.rights.gives[g])
				} else {
					now.join(t.rights.gives[g])
				}
			}
			added, removed := now.without(old), old.without(now)
			above(s, o, added, t.p.before)
			above(s, o, removed, t.p.after)
			if !added.empty() {
				t.added = append(t.added, cell{i, j, added})
			}
			if !removed.empty() {
				t.removed = append(t.removed, cell{i, j, removed})
			}
		}
	}
}

// forget takes from what would change for those who join later what the
// members show already, or a more general selector.
func (t *table) forget(members *table) {
	t.added = t.unseen(t.added, members.seen(members.added))
	t.removed = t.unseen(t.removed, members.seen(members.removed))
}

// seen gives the rights that members gained or lost, see exactly and anywhere.
func (t *table) seen(cells []cell) map[string]set {
	out := map[string]set{}
	for _, c := range cells {
		if t.self(c) {
			continue
		}
		for _, key := range []string{t.exactly(c), t.anywhere(c)} {
			if out[key] == nil {
				out[key] = newSet(len(t.rights.list))
			}
			out[key].join(c.rights)
		}
	}
	return out
}

// exactly names the grants that speak of subject and of object.
func (t *table) exactly(c cell) string {
	return t.subjects[c.subject].in.key() + t.objects[c.object].in.key()
}

// anywhere names the grants that speak of subject, and of subject and object
// together: the object may be special in ways that do not matter here.
func (t *table) anywhere(c cell) string {
	subject := t.subjects[c.subject].in
	return subject.key() + " " + subject.both(t.objects[c.object].in).key()
}

func (t *table) unseen(cells []cell, seen map[string]set) []cell {
	type pair [2]int
	at := make(map[pair]set, len(cells))
	for _, c := range cells {
		at[pair{c.subject, c.object}] = c.rights
	}
	var out []cell
	for _, c := range cells {
		key := t.exactly(c)
		if c.object == 0 { // "*"
			key = t.anywhere(c)
		}
		rest := c.rights.without(seen[key])
		for _, wider := range []pair{{0, 0}, {0, c.object}, {c.subject, 0}} { // the first class has "*"
			if wider != (pair{c.subject, c.object}) {
				rest = rest.without(at[wider])
			}
		}
		if !rest.empty() {
			out = append(out, cell{c.subject, c.object, rest})
		}
	}
	return out
}

// self reports whether a cell is about one machine alone: its packets to itself
// pass no filter.
func (t *table) self(c cell) bool {
	s, o := t.subjects[c.subject].members, t.objects[c.object].members
	return t.packets() && !t.p.later && len(s) == 1 && len(o) == 1 && s[0] == o[0]
}

func (t *table) packets() bool { return len(t.rights.list) > 0 && t.rights.list[0].verb == "" }

// line is one change as it grows.
type line struct {
	change   Change
	subjects []int
	objects  map[int]set // by subject
}

// changes writes cells down with few words: classes with the same rights on
// the same objects become one change.
func (t *table) changes(cells []cell) []Change {
	var out []Change
	for _, l := range t.lines(cells) {
		same := map[string]int{}
		for _, s := range l.subjects {
			objects := slices.Collect(l.objects[s].all())
			if len(objects) == 1 && t.self(cell{subject: s, object: objects[0]}) {
				continue
			}
			key := l.objects[s].key()
			i, known := same[key]
			if !known {
				i = len(out)
				same[key] = i
				c := l.change
				for _, o := range objects {
					c.On = append(c.On, t.words(t.objects[o], t.on)...)
				}
				slices.Sort(c.On)
				c.Later = t.p.later
				out = append(out, c)
			}
			out[i].Who = append(out[i].Who, t.words(t.subjects[s], t.who)...)
		}
	}
	for i := range out {
		slices.Sort(out[i].Who)
	}
	return out
}

// lines sorts what changed by the words it is told in.
func (t *table) lines(cells []cell) []*line {
	var out []*line
	at := map[string]*line{}
	for _, c := range cells {
		for _, part := range t.rights.words(c.rights) {
			key := part.Right()
			l := at[key]
			if l == nil {
				l = &line{change: part, objects: map[int]set{}}
				at[key], out = l, append(out, l)
			}
			if l.objects[c.subject] == nil {
				l.objects[c.subject] = newSet(len(t.objects))
				l.subjects = append(l.subjects, c.subject)
			}
			l.objects[c.subject].add(c.object)
		}
	}
	return out
}

// words are the members of a class. Among imagined ones "*", which comes first,
// stands for all.
func (t *table) words(c class, name func(i int) string) []string {
	var out []string
	for _, i := range c.members {
		word := name(i)
		if slices.Contains(out, word) {
			continue
		}
		out = append(out, word)
		if t.p.later && word == "*" {
			break
		}
	}
	return out
}
