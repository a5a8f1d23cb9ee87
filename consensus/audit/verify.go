package audit

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// Copy is a log as a controller hands it out.
type Copy struct {
	// Leaves are the hashes of the records before First.
	Leaves []byte
	First  uint64
	// Records are canonical bytes, of First and all after it.
	Records [][]byte
	// Checkpoint is what the controller vouches for.
	Checkpoint Checkpoint
}

// Held is what the machine that verifies knows by itself.
type Held struct {
	Mesh identity.MeshID
	// Log is its own trust log, of that revision, read before the copy was made.
	Log      *trust.Log
	Revision uint64
	// Checkpoints are all it holds, of whatever controller.
	Checkpoints []Checkpoint
	// Name gives a machine's name.
	Name func(identity.NodeID) string
}

// Report is what Verify found.
type Report struct {
	Size uint64
	Root Hash
	// Checkpoints that the log was compared with, and Entries of the trust log
	// that were found in it.
	Checkpoints int
	Vouchers    []identity.NodeID
	Entries     int
	// Devices with a chain of notes, and their notes.
	Devices int
	Notes   int
	// Findings are the contradictions, by record.
	Findings []Finding
}

// Finding is one contradiction: something is wrong with the records from First
// to Last.
type Finding struct {
	First, Last uint64
	Text        string
}

// maxFindings is enough to see what is wrong.
const maxFindings = 100

// Verify compares a whole log with all that this machine holds.
func Verify(c Copy, h Held) Report {
	v := &verifier{held: h, claims: map[[32]byte]uint64{}, chains: map[identity.NodeID]Chain{}}
	for i := 0; i+hashSize <= len(c.Leaves); i += hashSize {
		v.tree = v.tree.grow(Hash(c.Leaves[i : i+hashSize]))
	}
	if v.tree.Size() != c.First {
		v.find(0, c.First, "the controller gave %d hashes for the %d records it has no more", v.tree.Size(), c.First)
		return v.report
	}
	for _, raw := range c.Records {
		v.record(v.tree.Size(), raw)
		v.tree = v.tree.grow(LeafOf(raw))
	}
	v.checkpoints(c.Checkpoint)
	v.entries(c)
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int { return int(a.First) - int(b.First) }) //nolint:gosec // below MaxSize
	v.report.Size, v.report.Root = v.tree.Size(), v.tree.Root()
	v.report.Devices = len(v.chains)
	return v.report
}

type verifier struct {
	held   Held
	tree   Log
	report Report
	// claims are the statements that records rest on.
	claims   map[[32]byte]uint64
	chains   map[identity.NodeID]Chain
	revision uint64
	// whole: the records are there from the founding on.
	whole bool
}

func (v *verifier) find(first, last uint64, format string, args ...any) {
	if len(v.report.Findings) < maxFindings {
		v.report.Findings = append(v.report.Findings, Finding{first, last, fmt.Sprintf(format, args...)})
	}
}

// record judges one record by itself, and by those before.
func (v *verifier) record(at uint64, raw []byte) {
	r, err := Decode(raw)
	if err != nil {
		v.find(at, at, "record %d: %v", at, err)
		return
	}
	if r.GetSequence() != at {
		v.find(at, at, "record %d stands where %d should", r.GetSequence(), at)
	}
	if r.GetRevision() < v.revision {
		v.find(at, at, "record %d is of revision %d, and the one before it of %d", at, r.GetRevision(), v.revision)
	}
	v.revision = max(v.revision, r.GetRevision())
	v.names(at, r)
	if at == 0 {
		v.whole = r.GetAct() == warrenv1.AuditAct_AUDIT_ACT_MESH_FOUNDED
	}
	if r.GetNote() != nil || isSession(r.GetAct()) {
		v.note(at, r)
		return
	}
	if hash := r.GetStatement(); len(hash) == sha256.Size {
		if before, twice := v.claims[[32]byte(hash)]; twice {
			v.find(at, at, "record %d repeats record %d", at, before)
		}
		v.claims[[32]byte(hash)] = at
	}
}

// names holds what a record calls people and machines against the trust log: a
// key's name never changes. A claim names a machine as it wishes to be called.
func (v *verifier) names(at uint64, r *warrenv1.AuditRecord) {
	if v.held.Log == nil {
		return
	}
	for _, p := range append(slices.Clone(r.GetActors()), r.GetTarget()) {
		name, known := "", false
		switch {
		case p.GetKind() == warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_TECHNICIAN:
			t, ok := v.held.Log.Technician(p.GetId())
			name, known = t.Name, ok
		case p.GetKind() == warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_MACHINE && len(p.GetId()) == len(identity.NodeID{}) &&
			p.GetName() != "" && !isClaim(r.GetAct()):
			d, ok := v.held.Log.Device(identity.NodeID(p.GetId()))
			name, known = d.Name, ok
		}
		if known && name != p.GetName() {
			v.find(at, at, "record %d calls %s %q", at, name, p.GetName())
		}
	}
}

func isClaim(a warrenv1.AuditAct) bool {
	return a == warrenv1.AuditAct_AUDIT_ACT_MACHINE_CLAIMED || a == warrenv1.AuditAct_AUDIT_ACT_CLAIM_REFUSED ||
		a == warrenv1.AuditAct_AUDIT_ACT_CLAIM_REJECTED
}

func isSession(a warrenv1.AuditAct) bool {
	return a == warrenv1.AuditAct_AUDIT_ACT_SESSION_OPENED || a == warrenv1.AuditAct_AUDIT_ACT_SESSION_ENDED ||
		a == warrenv1.AuditAct_AUDIT_ACT_SESSION_REFUSED || a == warrenv1.AuditAct_AUDIT_ACT_SESSION_NOTED
}

// note holds a session's record against what the device signed.
func (v *verifier) note(at uint64, r *warrenv1.AuditRecord) {
	n, err := OpenNote(r.GetNote(), v.held.Mesh)
	if err != nil {
		v.find(at, at, "record %d: %v", at, err)
		return
	}
	if r.GetAct() != n.Act || string(r.GetStatement()) != string(n.Hash[:]) {
		v.find(at, at, "record %d says something else than the device it is of", at)
	}
	v.report.Notes++
	chain, started := v.chains[n.Device]
	next, known, missing, anew, err := chain.Next(n)
	switch {
	case err != nil:
		v.find(at, at, "record %d of device %s: %v", at, v.held.Name(n.Device), err)
		return
	case known:
		v.find(at, at, "record %d repeats a note of device %s", at, v.held.Name(n.Device))
		return
	case (started || v.whole) && (missing != r.GetMissing() || anew != r.GetAnew()):
		v.find(at, at, "record %d: %d notes of device %s before it are missing, and the record says %d", at, missing, v.held.Name(n.Device), r.GetMissing())
	}
	v.chains[n.Device] = next
}

// checkpoints compares the tree with each checkpoint, and narrows what differs
// to the records between the last that fits and the first that does not.
func (v *verifier) checkpoints(given Checkpoint) {
	list := append(slices.Clone(v.held.Checkpoints), given)
	slices.SortStableFunc(list, func(a, b Checkpoint) int { return bySize(a, b.Size) })
	size, fits := v.tree.Size(), uint64(0)
	vouched := map[identity.NodeID]bool{}
	for _, c := range list {
		if c.Size > size {
			v.find(size, c.Size-1, "records %d to %d are missing: %s vouched for %d records at %s",
				size, c.Size-1, v.held.Name(c.Node), c.Size, c.Time.UTC().Format("2006-01-02 15:04:05"))
			break
		}
		if root, err := v.tree.RootAt(c.Size); err != nil || root != c.Root {
			last := c.Size - 1
			text := fmt.Sprintf("record %d was altered, dropped or moved", last)
			if fits != last {
				text = fmt.Sprintf("one of the records %d to %d was altered, dropped or moved", fits, last)
			}
			v.find(fits, last, "%s: the log is not the one of %d records that %s vouched for at %s",
				text, c.Size, v.held.Name(c.Node), c.Time.UTC().Format("2006-01-02 15:04:05"))
			break
		}
		fits = c.Size
		v.report.Checkpoints++
		if !vouched[c.Node] {
			vouched[c.Node] = true
			v.report.Vouchers = append(v.report.Vouchers, c.Node)
		}
	}
}

// entries looks for each entry of this machine's own trust log, and the
// revocations folded into it. Only a log that begins with the founding has to
// have them all; what is revoked beside the chain may not be ordered yet.
func (v *verifier) entries(c Copy) {
	log := v.held.Log
	if log == nil {
		return
	}
	folded := map[[32]byte]bool{}
	for _, s := range log.Entries(0) {
		var e warrenv1.Entry
		if err := proto.Unmarshal(s.GetPayload(), &e); err != nil {
			continue // the log is verified: it cannot be
		}
		for _, hash := range e.GetRevocations() {
			folded[[32]byte(hash)] = true
		}
		v.expect(c, s, true)
	}
	for _, s := range log.Revocations() {
		v.expect(c, s, folded[identity.HashOf(s)])
	}
	for _, at := range v.claims {
		r, err := Decode(c.Records[at-c.First])
		if err == nil && restsOnLog(r.GetAct()) && r.GetRevision() <= v.held.Revision {
			v.find(at, at, "record %d rests on a statement that is not in the trust log", at)
		}
	}
}

// expect looks for the record of a signed statement.
func (v *verifier) expect(c Copy, s *warrenv1.Statement, due bool) {
	hash := identity.HashOf(s)
	at, found := v.claims[hash]
	delete(v.claims, hash)
	switch {
	case found:
		v.report.Entries++
		v.matches(at, s, c)
	case due && v.whole:
		v.find(v.tree.Size(), v.tree.Size(), "there is no record of %s", describe(s))
	}
}

// matches compares a record with the signed entry or revocation it rests on.
func (v *verifier) matches(at uint64, s *warrenv1.Statement, c Copy) {
	r, err := Decode(c.Records[at-c.First])
	if err != nil {
		return // found before
	}
	act, target, err := Of(s)
	if err != nil {
		return
	}
	if r.GetAct() != act || string(r.GetTarget().GetId()) != string(target) {
		v.find(at, at, "record %d says something else than the entry it rests on: %s", at, describe(s))
	}
}

// restsOnLog tells of acts whose statements are in the trust log.
func restsOnLog(a warrenv1.AuditAct) bool {
	switch a {
	case warrenv1.AuditAct_AUDIT_ACT_MACHINE_ADMITTED,
		warrenv1.AuditAct_AUDIT_ACT_MACHINE_RENEWED, warrenv1.AuditAct_AUDIT_ACT_TECHNICIAN_ADMITTED,
		warrenv1.AuditAct_AUDIT_ACT_CONTROLLER_NAMED, warrenv1.AuditAct_AUDIT_ACT_POLICY_REPLACED,
		warrenv1.AuditAct_AUDIT_ACT_MESH_FOUNDED:
		return true
	default:
		return false
	}
}

func describe(s *warrenv1.Statement) string {
	act, target, err := Of(s)
	if err != nil {
		return "a statement that cannot be read"
	}
	return fmt.Sprintf("%q of %.16x", Word(act), target)
}
