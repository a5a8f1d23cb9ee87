package plan

import (
	"slices"
	"time"

	"warren/consensus/policy"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// notice is how long before a record ends its machine says so.
const notice = 14 * 24 * time.Hour

func (b *builder) warnings() {
	b.warnOfEnd()
	if _, revision := b.view.Log.Policy(); revision > 0 && b.view.Policy == nil {
		b.warn("policy revision %d is not on this machine yet; nothing is allowed until it comes", revision)
	}
	b.warnOfLoneAdmin()
}

func (b *builder) warnOfEnd() {
	end := b.self.NotAfter
	if end.IsZero() || b.view.Log.IsController(b.self.ID) {
		return
	}
	const day = "2006-01-02"
	now, last := b.view.Now, end.Add(policy.Grace)
	switch {
	case now.Before(b.self.NotBefore.Add(-policy.Grace)):
		b.warn("this machine's record begins on %s; is its clock right?", b.self.NotBefore.UTC().Format(day))
	case !now.Before(last):
		b.warn("this machine's record ended on %s and it meets nobody but controllers; invite it again", end.UTC().Format(day))
	case !now.Before(end.Add(-notice)):
		b.warn("this machine's record ends on %s, and on %s it leaves the mesh", end.UTC().Format(day), last.UTC().Format(day))
	default:
		b.sooner(end.Add(-notice))
	}
}

func (b *builder) sooner(t time.Time) {
	if b.plan.Until.IsZero() || t.Before(b.plan.Until) {
		b.plan.Until = t
	}
}

// warnOfLoneAdmin tells those who can do something about it.
func (b *builder) warnOfLoneAdmin() {
	admins := slices.DeleteFunc(slices.Clone(b.dir.Technicians), func(t policy.Technician) bool { return !t.Admin })
	here := func(t policy.Technician) bool { return t.Node == b.self.ID }
	concerned := b.view.Log.IsController(b.self.ID) || slices.ContainsFunc(b.dir.Technicians, here)
	if !concerned || len(admins) > 1 {
		return
	}
	if len(admins) == 0 {
		b.warn("the mesh has no admin in force; only the recovery key can make one")
		return
	}
	if b.view.Log.IsController(admins[0].Node) {
		b.warn("the key of %s, the only admin, lies on controller %s; add an admin elsewhere: warren invite --role technician --admin",
			admins[0].Name, name(b.view.Log, admins[0].Node))
		return
	}
	b.warn("%s is the only admin; if that key is lost only the recovery key helps: warren invite --role technician --admin adds one", admins[0].Name)
}

func name(log *trust.Log, id identity.NodeID) string {
	d, _ := log.Device(id)
	return d.Name
}
