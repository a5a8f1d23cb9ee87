package policy

import (
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"warren/mesh/identity"
)

func (r *reader) policy(v *hujson.Value) {
	r.object(v, "a policy",
		field{"groups", r.groups},
		field{"tags", r.tags},
		field{"grants", func(v *hujson.Value) { r.list(v, `"grants"`, true, r.grant) }},
		field{"tests", func(v *hujson.Value) { r.list(v, `"tests"`, true, r.test) }},
	)
}

func (r *reader) groups(v *hujson.Value) {
	r.members(v, `"groups"`, func(at Place, key string, value *hujson.Value) {
		name, ok := strings.CutPrefix(key, "group:")
		if !ok || !identity.ValidName(name) {
			r.fail(at, "group %s: write group:NAME, %s", quote(key), nameRule)
			return
		}
		g := Group{Name: name, Place: at}
		r.list(value, quote(key), false, func(v *hujson.Value) {
			member, ok := r.text(v, "a member of a group")
			if !ok {
				return
			}
			if !identity.ValidName(member) {
				r.fail(r.place(v), "%s is not a technician's name: %s", quote(member), nameRule)
				return
			}
			g.Members = append(g.Members, Member{member, r.place(v)})
		})
		r.out.Groups = append(r.out.Groups, g)
	})
}

func (r *reader) tags(v *hujson.Value) {
	r.out.declared = true
	r.members(v, `"tags"`, func(at Place, key string, value *hujson.Value) {
		name, ok := strings.CutPrefix(key, "tag:")
		if !ok || !identity.ValidName(name) {
			r.fail(at, "tag %s: write tag:NAME, %s", quote(key), nameRule)
			return
		}
		t := Tag{Name: name, Place: at}
		r.object(value, "a tag", field{"description", func(v *hujson.Value) {
			t.Description, _ = r.text(v, `"description"`)
		}})
		r.out.Tags = append(r.out.Tags, t)
	})
}

func (r *reader) grant(v *hujson.Value) {
	if len(r.out.Grants) == MaxGrants {
		r.fail(r.place(v), "more than %d grants", MaxGrants)
	}
	if len(r.out.Grants) >= MaxGrants {
		return
	}
	before := len(r.errs)
	g := Grant{Place: r.place(v)}
	var users, consent, clipboard *hujson.Value
	if !r.object(v, "a grant",
		field{"src", func(v *hujson.Value) { r.list(v, `"src"`, false, r.selector(&g.Src, source())) }},
		field{"dst", func(v *hujson.Value) { r.list(v, `"dst"`, false, r.selector(&g.Dst, destination())) }},
		field{"verbs", func(v *hujson.Value) { r.list(v, `"verbs"`, false, r.verb(&g.Verbs)) }},
		field{"users", func(v *hujson.Value) { users = v; r.list(v, `"users"`, false, r.user(&g.Users)) }},
		field{"consent", func(v *hujson.Value) { consent = v; g.Consent = r.truth(v, `"consent"`) }},
		field{"clipboard", func(v *hujson.Value) { clipboard = v; g.Clipboard = r.clipboard(v) }},
		field{"ip", func(v *hujson.Value) { r.list(v, `"ip"`, false, r.ports(&g.IP)) }},
	) {
		return
	}
	if len(r.errs) == before { // otherwise what seems to lack may just be misspelt
		r.wholeGrant(&g, users)
		r.watching(&g, consent, clipboard)
	}
	r.out.Grants = append(r.out.Grants, g)
}

func (r *reader) wholeGrant(g *Grant, users *hujson.Value) {
	switch {
	case g.Src == nil:
		r.fail(g.Place, `the grant has no "src"`)
	case g.Dst == nil:
		r.fail(g.Place, `the grant has no "dst"`)
	case g.Verbs == nil && g.IP == nil:
		r.fail(g.Place, `the grant allows nothing: it has neither "verbs" nor "ip"`)
	}
	switch {
	case users != nil && g.Verbs == nil:
		r.fail(r.place(users), `"users" goes with "verbs"; packets have no user`)
	case users == nil && slices.ContainsFunc(g.Verbs, Verb.TakesUser):
		g.Users = []string{"*"}
	}
	for _, s := range g.Src {
		if g.Verbs != nil && s.Kind == WithTag {
			r.fail(s.Place, "%s names machines, and only technicians use verbs; give them a grant of their own with \"ip\"", s)
		}
	}
}

// watching checks what a grant says of screens. Who may use the keyboard may
// copy and paste, unless the grant says otherwise.
func (r *reader) watching(g *Grant, consent, clipboard *hujson.Value) {
	control := slices.Contains(g.Verbs, Control)
	switch {
	case consent != nil && !slices.ContainsFunc(g.Verbs, Verb.Watches):
		r.fail(r.place(consent), `"consent" goes with view and control`)
	case clipboard != nil && !control:
		r.fail(r.place(clipboard), `"clipboard" goes with control`)
	case clipboard == nil && control:
		g.Clipboard = ClipboardIn | ClipboardOut
	}
}

func (r *reader) test(v *hujson.Value) {
	if len(r.out.Tests) == MaxTests {
		r.fail(r.place(v), "more than %d tests", MaxTests)
	}
	if len(r.out.Tests) >= MaxTests {
		return
	}
	before := len(r.errs)
	t := Test{Place: r.place(v)}
	var src []Selector
	var verbs []Verb
	var users []string
	var ports []Ports
	if !r.object(v, "a test",
		field{"src", func(v *hujson.Value) { r.selector(&src, source())(v) }},
		field{"verb", func(v *hujson.Value) { r.verb(&verbs)(v) }},
		field{"user", func(v *hujson.Value) { r.user(&users)(v) }},
		field{"ip", func(v *hujson.Value) { r.ports(&ports)(v) }},
		field{"allow", func(v *hujson.Value) { r.list(v, `"allow"`, false, r.selector(&t.Allow, destination())) }},
		field{"deny", func(v *hujson.Value) { r.list(v, `"deny"`, false, r.selector(&t.Deny, destination())) }},
	) || len(r.errs) > before {
		return
	}
	switch {
	case src == nil:
		r.fail(t.Place, `the test has no "src"`)
	case t.Allow == nil && t.Deny == nil:
		r.fail(t.Place, `the test expects nothing: it has neither "allow" nor "deny"`)
	case (verbs == nil) == (ports == nil):
		r.fail(t.Place, `a test has either "verb" or "ip"`)
	case len(verbs) > 1:
		r.fail(t.Place, `a test is about one verb, not "*"`)
	case verbs != nil && src[0].Kind == WithTag:
		r.fail(src[0].Place, "%s names machines, and only technicians use verbs", src[0])
	case users != nil && verbs == nil:
		r.fail(t.Place, `"user" goes with "verb"; packets have no user`)
	case users != nil && users[0] == "*":
		r.fail(t.Place, `a test is about one user, not "*"`)
	case ports != nil && (ports[0].Protocol == Any || ports[0].First != ports[0].Last):
		r.fail(t.Place, "a test is about one port or icmp, not %s", ports[0])
	default:
		t.Src = src[0]
		if verbs != nil {
			t.Verb = verbs[0]
		} else {
			t.IP = ports[0]
		}
		if users != nil {
			t.User = users[0]
		}
		r.out.Tests = append(r.out.Tests, t)
	}
}
