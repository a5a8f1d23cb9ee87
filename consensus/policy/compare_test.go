package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"warren/consensus/policy"
)

// may is one thing somebody may do, as brute force goes through them.
type may struct{ who, what, on string }

// ports and users that the random policies tell apart, and one between each.
var (
	tried = map[policy.Protocol][]uint16{
		policy.TCP: {0, 21, 22, 23, 65535}, policy.UDP: {19, 20, 25, 30, 31}, policy.ICMP: {0},
	}
	users = []string{"root", "support", "ops", "somebody"}
)

// everything is all that a policy allows to the members of dir, one by one.
// That peers may ping each other is left to the caller: pings tells whom.
func (n naive) everything() (all, pings map[may]bool) {
	all, pings = map[may]bool{}, map[may]bool{}
	for _, d := range n.dir.Devices {
		for _, t := range n.dir.Technicians {
			unattended, clipboard := n.screen(t, d)
			for v, yes := range unattended {
				if yes {
					all[may{t.Name, string(v) + " unattended", d.Name}] = true
				}
			}
			for bit, word := range map[policy.Clipboard]string{policy.ClipboardIn: "clipboard in", policy.ClipboardOut: "clipboard out"} {
				if clipboard&bit != 0 {
					all[may{t.Name, word, d.Name}] = true
				}
			}
			for _, v := range policy.Verbs() {
				for _, u := range users {
					if ok, _ := n.verb(t, d, v, u); ok {
						if !v.TakesUser() {
							u = ""
						}
						all[may{t.Name, string(v) + " " + u, d.Name}] = true
					}
				}
			}
		}
		for _, s := range n.dir.Devices {
			for proto, list := range tried {
				for _, port := range list {
					what := may{s.Name, policy.Ports{Protocol: proto, First: port, Last: port}.String(), d.Name}
					switch ok, grant := n.ip(s, d, proto, port); {
					case ok && grant >= 0:
						all[what] = true
					case ok:
						pings[what] = true
					}
				}
			}
		}
	}
	return all, pings
}

// gained is what is allowed by now and was not before, by grant or as a peer.
func gained(before, now naive) map[may]bool {
	out, _ := now.everything()
	old, pings := before.everything()
	for m := range out {
		if old[m] || pings[m] {
			delete(out, m)
		}
	}
	return out
}

// told is what a comparison says of the members, one by one.
func told(changes []policy.Change) map[may]bool {
	out := map[may]bool{}
	add := func(c policy.Change, what string) {
		for _, who := range c.Who {
			for _, on := range c.On {
				if c.IP == nil || who != on {
					out[may{who, what, on}] = true
				}
			}
		}
	}
	for _, c := range changes {
		if c.Later {
			continue
		}
		for _, v := range c.Verbs {
			verb, consent := strings.CutSuffix(v, " by consent")
			switch {
			case strings.Contains(verb, " "): // "view unattended", "clipboard in"
				add(c, verb)
				continue
			case !policy.Verb(v).TakesUser():
				add(c, verb+" ")
				if policy.Verb(verb).Watches() && !consent {
					add(c, verb+" unattended")
				}
				continue
			}
			for _, u := range users {
				star := slices.Contains(c.Users, "*") && u != "root" && !slices.Contains(c.Except, u)
				if star || slices.Contains(c.Users, u) {
					add(c, v+" "+u)
				}
			}
		}
		for proto, list := range tried {
			for _, port := range list {
				if slices.ContainsFunc(c.IP, func(p policy.Ports) bool {
					return p.Protocol == policy.Any || p.Protocol == proto && (proto == policy.ICMP || p.First <= port && port <= p.Last)
				}) {
					add(c, policy.Ports{Protocol: proto, First: port, Last: port}.String())
				}
			}
		}
	}
	return out
}

// TestCompare is S-04: over random pairs of policies the comparison says of the
// members exactly what brute force finds, and nothing that other members would
// gain is missing from it.
func TestCompare(t *testing.T) {
	pairs := uint64(10_000)
	if testing.Short() {
		pairs = 500
	}
	counts := map[string]int{}
	for seed := range pairs {
		r := random{rand.New(rand.NewPCG(seed, 2))}
		first, second := r.pair()
		dir, others := r.members(), r.members()
		before, after := parse(t, first), parse(t, second)
		diff := policy.Compare(before, after, dir)
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("seed %d: %s\nbefore %s\nafter %s\nmembers %+v\n%+v", seed, fmt.Sprintf(format, args...), first, second, dir, diff)
		}
		for _, way := range []struct {
			what       string
			from, to   *policy.Policy
			changes    []policy.Change
			classified bool
		}{
			{"widening", before, after, diff.Allowed, diff.Widens()},
			{"narrowing", after, before, diff.Denied, diff.Narrows()},
		} {
			want := gained(naive{way.from, dir}, naive{way.to, dir})
			got := told(way.changes)
			for m := range want {
				if !got[m] {
					fail("%s: %v is not told", way.what, m)
				}
			}
			for m := range got {
				if !want[m] {
					fail("%s: %v is told, and is none", way.what, m)
				}
			}
			later := gained(naive{way.from, others}, naive{way.to, others})
			if len(later) > 0 && !way.classified {
				fail("%s: unseen, although other members would differ in %v\n%+v", way.what, later, others)
			}
			switch {
			case len(want) > 0:
				counts[way.what+" now"]++
			case way.classified:
				counts[way.what+" later"]++
			default:
				counts["no "+way.what]++
			}
		}
	}
	t.Logf("%d pairs: %v", pairs, counts)
	for _, what := range []string{"widening now", "widening later", "no widening", "narrowing now", "narrowing later", "no narrowing"} {
		if counts[what] < int(pairs/50) {
			t.Errorf("%d pairs with %s: too few to tell", counts[what], what)
		}
	}
}

// pair is two policies that have much in common, as an edit leaves them.
func (r random) pair() (before, after string) {
	before = r.policy()
	if r.IntN(4) == 0 {
		return before, r.policy()
	}
	return before, r.edit(before)
}

// edit changes one grant's words, drops a grant, or adds those of another text.
func (r random) edit(text string) string {
	lines := strings.Split(text, "\n")
	head, grants, tail := lines[0], slices.Clone(lines[1:len(lines)-1]), lines[len(lines)-1]
	for range 1 + r.IntN(2) {
		switch what := r.IntN(3); {
		case what == 0 && len(grants) > 0:
			i := r.IntN(len(grants))
			grants = slices.Delete(grants, i, i+1)
		case what == 1:
			other := strings.Split(r.policy(), "\n")
			grants = append(grants, other[1:len(other)-1]...)
		case len(grants) > 0:
			words := []string{"t0", "t1", "d0", "d1", "both", "in", "none", "view", "control", "tag:x", "tag:y", "role:admin", "*", "root", "support", "tcp:22", "shell", "ping", "group:a"}
			i := r.IntN(len(grants))
			from, to := words[r.IntN(len(words))], words[r.IntN(len(words))]
			changed := slices.Clone(grants)
			changed[i] = strings.Replace(changed[i], fmt.Sprintf("%q", from), fmt.Sprintf("%q", to), 1)
			edited := strings.Join(slices.Concat([]string{head}, changed, []string{tail}), "\n")
			if _, err := policy.Parse([]byte(edited)); err == nil {
				grants = changed
			}
		}
	}
	return strings.Join(slices.Concat([]string{head}, grants, []string{tail}), "\n")
}

func parse(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}
