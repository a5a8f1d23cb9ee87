package audit

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// What this file writes is under the root of every controller: two versions
// that write one act differently compute different roots. The bytes are held
// by golden files; a new word needs a new act.

// errOf is what Of answers to other statements.
var errOf = errors.New("neither an entry nor a revocation")

// Of tells which act an entry or a revocation is recorded as, and on what.
func Of(s *warrenv1.Statement) (act warrenv1.AuditAct, target []byte, err error) {
	switch identity.Type(s.GetType()) {
	case identity.TypeEntry:
		var e warrenv1.Entry
		if err := proto.Unmarshal(s.GetPayload(), &e); err != nil {
			return 0, nil, err
		}
		return ofEntry(s, &e)
	case identity.TypeRevocation:
		var m warrenv1.Revocation
		if err := proto.Unmarshal(s.GetPayload(), &m); err != nil {
			return 0, nil, err
		}
		act, _, err := ofRevocation(m.GetKind())
		return act, m.GetTarget(), err
	default:
		return 0, nil, errOf
	}
}

func ofEntry(s *warrenv1.Statement, e *warrenv1.Entry) (warrenv1.AuditAct, []byte, error) {
	node := func(key []byte) []byte {
		id := identity.NodeIDOf(key)
		return id[:]
	}
	switch body := e.GetBody().(type) {
	case *warrenv1.Entry_Genesis:
		hash := identity.HashOf(s)
		return warrenv1.AuditAct_AUDIT_ACT_MESH_FOUNDED, hash[:], nil
	case *warrenv1.Entry_Technician:
		return warrenv1.AuditAct_AUDIT_ACT_TECHNICIAN_ADMITTED, body.Technician.GetKey(), nil
	case *warrenv1.Entry_Controller:
		return warrenv1.AuditAct_AUDIT_ACT_CONTROLLER_NAMED, node(body.Controller.GetKey()), nil
	case *warrenv1.Entry_Device:
		return warrenv1.AuditAct_AUDIT_ACT_MACHINE_ADMITTED, node(body.Device.GetKey()), nil
	case *warrenv1.Entry_Policy:
		return warrenv1.AuditAct_AUDIT_ACT_POLICY_REPLACED, nil, nil
	case *warrenv1.Entry_Admission:
		var c warrenv1.Claim
		err := proto.Unmarshal(body.Admission.GetClaim().GetPayload(), &c)
		return warrenv1.AuditAct_AUDIT_ACT_MACHINE_ADMITTED, node(c.GetNode()), err
	case *warrenv1.Entry_Renewal:
		var here warrenv1.StillHere
		err := proto.Unmarshal(body.Renewal.GetStatement().GetPayload(), &here)
		return warrenv1.AuditAct_AUDIT_ACT_MACHINE_RENEWED, node(here.GetKey()), err
	default:
		return 0, nil, errOf
	}
}

func ofRevocation(k warrenv1.RevocationKind) (warrenv1.AuditAct, warrenv1.AuditPartyKind, error) {
	switch k {
	case warrenv1.RevocationKind_REVOCATION_KIND_NODE:
		return warrenv1.AuditAct_AUDIT_ACT_MACHINE_REVOKED, warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_MACHINE, nil
	case warrenv1.RevocationKind_REVOCATION_KIND_CONTROLLER:
		return warrenv1.AuditAct_AUDIT_ACT_CONTROLLER_REMOVED, warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_MACHINE, nil
	case warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN:
		return warrenv1.AuditAct_AUDIT_ACT_TECHNICIAN_REVOKED, warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_TECHNICIAN, nil
	case warrenv1.RevocationKind_REVOCATION_KIND_INVITE:
		return warrenv1.AuditAct_AUDIT_ACT_INVITE_REVOKED, warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_INVITE, nil
	default:
		return 0, 0, errOf
	}
}

// Entry is the record of an entry that took the trust log from before (nil for
// the genesis) to after.
func Entry(before, after *trust.Log, s *warrenv1.Statement) (*warrenv1.AuditRecord, error) {
	var e warrenv1.Entry
	if err := proto.Unmarshal(s.GetPayload(), &e); err != nil {
		return nil, err
	}
	act, target, err := ofEntry(s, &e)
	if err != nil {
		return nil, err
	}
	r := resting(act, s)
	r.Actors = signers(after, s)
	switch body := e.GetBody().(type) {
	case *warrenv1.Entry_Genesis:
		r.Target = &warrenv1.AuditParty{Kind: warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_MESH, Id: target, Name: after.Name()}
		r.After = values("ipv4_range", after.IPv4Range().String(), "founder", body.Genesis.GetFounder().GetName())
	case *warrenv1.Entry_Technician:
		t := body.Technician
		r.Target = Technician(after, target)
		r.After = values("name", t.GetName(), "admin", strconv.FormatBool(t.GetAdmin()), "machine", hex.EncodeToString(t.GetNode()),
			"until", until(unix(t.GetNotAfter())))
	case *warrenv1.Entry_Controller:
		r.Target = Machine(after, identity.NodeID(target))
		r.Before, r.After = values("controller", "false"), values("controller", "true")
	case *warrenv1.Entry_Policy:
		r.Target = &warrenv1.AuditParty{Kind: warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_POLICY}
		if before != nil {
			hash, revision := before.Policy()
			r.Before = policyValues(hash[:], revision)
		}
		r.After = policyValues(body.Policy.GetHash(), body.Policy.GetRevision())
	default:
		if adm := e.GetAdmission(); adm != nil {
			if inv, err := invite.Read(adm.GetInvite(), after.Mesh()); err == nil {
				r.Actors = []*warrenv1.AuditParty{Technician(after, inv.Signer)} // who signs for its place grants nothing
			}
		}
		machine(r, before, after, identity.NodeID(target))
	}
	return r, nil
}

// machine fills in what became of a machine's record.
func machine(r *warrenv1.AuditRecord, before, after *trust.Log, id identity.NodeID) {
	r.Target = Machine(after, id)
	now, _ := after.Device(id)
	r.After = deviceValues(now)
	if r.GetAct() == warrenv1.AuditAct_AUDIT_ACT_MACHINE_RENEWED {
		r.Actors = []*warrenv1.AuditParty{Machine(after, id)}
	}
	if before == nil {
		return
	}
	if was, had := before.Device(id); had {
		r.Before, r.After = differing(deviceValues(was), r.GetAfter())
	}
}

// Revocation is the record of a revocation, by the log before it.
func Revocation(log *trust.Log, s *warrenv1.Statement) (*warrenv1.AuditRecord, error) {
	var m warrenv1.Revocation
	if err := proto.Unmarshal(s.GetPayload(), &m); err != nil {
		return nil, err
	}
	act, kind, err := ofRevocation(m.GetKind())
	if err != nil {
		return nil, err
	}
	r := resting(act, s)
	r.Actors, r.Reason = signers(log, s), Cut(m.GetReason())
	switch kind {
	case warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_MACHINE:
		r.Target = Machine(log, identity.NodeID(m.GetTarget()))
	case warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_TECHNICIAN:
		r.Target = Technician(log, m.GetTarget())
	default:
		r.Target = &warrenv1.AuditParty{Kind: kind, Id: m.GetTarget()}
	}
	r.Before, r.After = values("revoked", "false"), values("revoked", "true")
	if act == warrenv1.AuditAct_AUDIT_ACT_CONTROLLER_REMOVED {
		r.Before, r.After = values("controller", "true"), values("controller", "false")
	}
	return r, nil
}

// InviteMade is the record of an invite.
func InviteMade(log *trust.Log, inv invite.Invite, s *warrenv1.Statement) *warrenv1.AuditRecord {
	r := resting(warrenv1.AuditAct_AUDIT_ACT_INVITE_MADE, s)
	r.Actors, r.Target = signers(log, s), Invite(inv)
	r.After = values("role", inv.Role, "admin", strconv.FormatBool(inv.Admin), "tags", strings.Join(inv.Tags, ","),
		"site", inv.Site, "customer", inv.Customer, "ownership", ownership(inv.Ownership), "uses", strconv.Itoa(inv.Uses),
		"approval", strconv.FormatBool(inv.Approval), "until", until(inv.NotAfter))
	return r
}

// Claimed is the record of a machine that came to an invite: bound to one of
// its uses, or refused for there was none left.
func Claimed(act warrenv1.AuditAct, inv invite.Invite, c invite.Claim, from string, s *warrenv1.Statement) *warrenv1.AuditRecord {
	r := resting(act, s)
	r.Actors = []*warrenv1.AuditParty{claimant(c)}
	r.Target = Invite(inv)
	r.After = values("from", from)
	return r
}

// Rejected is the record of a claim that an admin turned down.
func Rejected(log *trust.Log, c invite.Claim, s *warrenv1.Statement) *warrenv1.AuditRecord {
	r := resting(warrenv1.AuditAct_AUDIT_ACT_CLAIM_REJECTED, s)
	r.Actors, r.Target = signers(log, s), claimant(c)
	r.Before, r.After = values("state", "pending"), values("state", "rejected")
	return r
}

// Noted is the record of a note.
func Noted(log *trust.Log, n Note, missing uint64, anew bool) *warrenv1.AuditRecord {
	r := resting(n.Act, n.Statement)
	r.Note, r.Missing, r.Anew = n.Statement, missing, anew
	if key := n.Body.GetTechnician(); len(key) > 0 {
		r.Actors = []*warrenv1.AuditParty{Technician(log, key)}
	} else {
		r.Actors = []*warrenv1.AuditParty{Machine(log, identity.NodeID(n.Body.GetFrom()))}
	}
	r.Target, r.Reason = Machine(log, n.Device), n.Body.GetReason()
	r.After = values("session", hex.EncodeToString(n.Body.GetSession()), "verb", n.Body.GetVerb(), "os_user", n.Body.GetOsUser(),
		"cause", n.Body.GetCause())
	return r
}

func resting(act warrenv1.AuditAct, s *warrenv1.Statement) *warrenv1.AuditRecord {
	hash := identity.HashOf(s)
	return &warrenv1.AuditRecord{Act: act, Statement: hash[:]}
}

// signers are those whose signatures a verified statement carries.
func signers(log *trust.Log, s *warrenv1.Statement) []*warrenv1.AuditParty {
	var out []*warrenv1.AuditParty
	for _, sig := range s.GetSignatures() {
		out = append(out, keyholder(log, sig.GetKey()))
	}
	return out
}

func keyholder(log *trust.Log, key []byte) *warrenv1.AuditParty {
	if _, ok := log.Technician(key); ok {
		return Technician(log, key)
	}
	if bytes.Equal(log.RecoveryKey(), key) {
		return &warrenv1.AuditParty{Kind: warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_RECOVERY_KEY, Id: key, Name: "recovery key"}
	}
	return Machine(log, identity.NodeIDOf(key))
}

// Technician is a person, by key.
func Technician(log *trust.Log, key []byte) *warrenv1.AuditParty {
	p := &warrenv1.AuditParty{Kind: warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_TECHNICIAN, Id: key}
	if t, ok := log.Technician(key); ok {
		p.Name = t.Name
	} else {
		p.Kind = warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_STRANGER
	}
	return p
}

// Machine is a machine, by id.
func Machine(log *trust.Log, id identity.NodeID) *warrenv1.AuditParty {
	p := &warrenv1.AuditParty{Kind: warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_MACHINE, Id: id[:]}
	if d, ok := log.Device(id); ok {
		p.Name = d.Name
	}
	return p
}

// Invite is an invite.
func Invite(inv invite.Invite) *warrenv1.AuditParty {
	return &warrenv1.AuditParty{Kind: warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_INVITE, Id: inv.ID[:], Name: inv.Role}
}

func claimant(c invite.Claim) *warrenv1.AuditParty {
	return &warrenv1.AuditParty{Kind: warrenv1.AuditPartyKind_AUDIT_PARTY_KIND_MACHINE, Id: c.Node[:], Name: Cut(c.Name)}
}

func policyValues(hash []byte, revision uint64) []*warrenv1.AuditValue {
	return values("revision", strconv.FormatUint(revision, 10), "sha256", hex.EncodeToString(hash))
}

func deviceValues(d trust.Device) []*warrenv1.AuditValue {
	var routes []string
	for _, p := range d.Routes {
		routes = append(routes, p.String())
	}
	return values("name", d.Name, "roles", strings.Join(d.Roles, ","), "tags", strings.Join(d.Tags, ","), "site", d.Site,
		"customer", d.Customer, "ownership", ownership(d.Ownership), "owner", d.Owner, "ipv4", d.IPv4.String(),
		"routes", strings.Join(routes, ","), "until", until(d.NotAfter), "epoch", strconv.FormatUint(d.Epoch, 10))
}

func ownership(o warrenv1.Ownership) string {
	switch o {
	case warrenv1.Ownership_OWNERSHIP_MANAGED:
		return "managed"
	case warrenv1.Ownership_OWNERSHIP_BYOD:
		return "byod"
	default:
		return fmt.Sprintf("ownership %d", int32(o))
	}
}

func unix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// values pairs names with values; those without a value are left out.
func values(pairs ...string) []*warrenv1.AuditValue {
	var out []*warrenv1.AuditValue
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, &warrenv1.AuditValue{Name: pairs[i], Value: Cut(pairs[i+1])})
		}
	}
	return out
}

// differing keeps of both what the other has not.
func differing(before, after []*warrenv1.AuditValue) (was, is []*warrenv1.AuditValue) {
	in := func(list []*warrenv1.AuditValue, v *warrenv1.AuditValue) bool {
		return slices.ContainsFunc(list, func(o *warrenv1.AuditValue) bool {
			return o.GetName() == v.GetName() && o.GetValue() == v.GetValue()
		})
	}
	for _, v := range before {
		if !in(after, v) {
			was = append(was, v)
		}
	}
	for _, v := range after {
		if !in(before, v) {
			is = append(is, v)
		}
	}
	return was, is
}
