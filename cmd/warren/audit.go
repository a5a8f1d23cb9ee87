package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/fault"
)

type partyJSON struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

type recordJSON struct {
	Sequence  uint64            `json:"sequence"`
	Time      string            `json:"time"`
	Revision  uint64            `json:"revision"`
	Act       string            `json:"act"`
	Actors    []partyJSON       `json:"actors"`
	Target    partyJSON         `json:"target"`
	Before    map[string]string `json:"before"`
	After     map[string]string `json:"after"`
	Reason    string            `json:"reason"`
	Statement string            `json:"statement"`
	Missing   uint64            `json:"missing"`
	Anew      bool              `json:"anew"`
	Noted     string            `json:"noted"`
	Unnoted   uint64            `json:"unnoted"`
}

func newAudit(a *app) *cobra.Command {
	var since string
	var limit uint32
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show what was done in the mesh, by whom, on what",
		Long: `Show what was done in the mesh, by whom, on what, with before and after: every
act of an admin and every session, in the order in which the controllers
agreed on them. For admins.`,
		Example: "  warren audit\n  warren audit --since 2h\n  warren audit --since 2026-11-27T08:00:00Z --limit 0 --json\n  warren audit verify",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			from, err := sinceOf(since, time.Now())
			if err != nil {
				return err
			}
			r, err := c.Audit.List(ctx, &warrenv1.ListAuditRequest{Since: from, Limit: limit})
			if err != nil {
				return err
			}
			if a.json {
				out := []recordJSON{}
				for _, record := range r.GetRecords() {
					out = append(out, recordOf(record))
				}
				return a.printJSON(out)
			}
			return a.printRecords(r.GetRecords())
		}),
	}
	cmd.Flags().StringVar(&since, "since", "", "only what was ordered since: a duration (2h) or a time (2026-11-27T08:00:00Z)")
	cmd.Flags().Uint32Var(&limit, "limit", 200, "only the newest of that many; 0 is all")
	cmd.AddCommand(newAuditVerify(a))
	return cmd
}

// sinceOf reads a duration before now or a time, as Unix milliseconds.
func sinceOf(text string, now time.Time) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return max(1, now.Add(-d).UnixMilli()), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fault.New(fault.Invalid, "--since %q is neither a duration nor a time", text).Try("--since 2h, or --since 2026-11-27T08:00:00Z")
	}
	return max(1, t.UnixMilli()), nil
}

func recordOf(r *warrenv1.AuditRecord) recordJSON {
	out := recordJSON{
		Sequence: r.GetSequence(), Time: fine(millis(r.GetTime())), Revision: r.GetRevision(), Act: client.ActWord(r.GetAct()),
		Actors: []partyJSON{}, Target: partyOf(r.GetTarget()), Before: valuesOf(r.GetBefore()), After: valuesOf(r.GetAfter()),
		Reason: r.GetReason(), Statement: fmt.Sprintf("%x", r.GetStatement()), Missing: r.GetMissing(), Anew: r.GetAnew(),
	}
	for _, p := range r.GetActors() {
		out.Actors = append(out.Actors, partyOf(p))
	}
	if n := noteOf(r); n != nil {
		out.Noted, out.Unnoted = fine(millis(n.GetTime())), n.GetUnnoted()
	}
	return out
}

// noteOf is the device's own note of a session.
func noteOf(r *warrenv1.AuditRecord) *warrenv1.Note {
	var n warrenv1.Note
	if r.GetNote() == nil || proto.Unmarshal(r.GetNote().GetPayload(), &n) != nil {
		return nil
	}
	return &n
}

func partyOf(p *warrenv1.AuditParty) partyJSON {
	return partyJSON{Kind: client.PartyWord(p.GetKind()), ID: fmt.Sprintf("%x", p.GetId()), Name: p.GetName()}
}

func valuesOf(list []*warrenv1.AuditValue) map[string]string {
	out := map[string]string{}
	for _, v := range list {
		out[v.GetName()] = v.GetValue()
	}
	return out
}

func (a *app) printRecords(list []*warrenv1.AuditRecord) error {
	if len(list) == 0 {
		a.say("Nothing was done in that time.")
		return nil
	}
	var rows [][]string
	for _, r := range list {
		var actors []string
		for _, p := range r.GetActors() {
			actors = append(actors, shortParty(p))
		}
		at := millis(r.GetTime())
		if n := noteOf(r); n != nil {
			at = millis(n.GetTime()) // when it happened, not when a controller heard of it
		}
		rows = append(rows, []string{
			fmt.Sprint(r.GetSequence()), clock(at), dash(strings.Join(actors, "+")),
			client.ActWord(r.GetAct()), shortParty(r.GetTarget()), changeOf(r),
		})
	}
	return a.table([]string{"NO", "TIME", "WHO", "WHAT", "ON", "CHANGE"}, rows)
}

func shortParty(p *warrenv1.AuditParty) string {
	if p.GetName() != "" {
		return p.GetName()
	}
	if id := p.GetId(); len(id) > 0 {
		return fmt.Sprintf("%.8s", fmt.Sprintf("%x", id))
	}
	return dash(client.PartyWord(p.GetKind()))
}

// changeOf is before and after in one line: "tags: a -> b".
func changeOf(r *warrenv1.AuditRecord) string {
	var out []string
	before := valuesOf(r.GetBefore())
	for _, v := range r.GetAfter() {
		text := v.GetName() + " "
		if was, ok := before[v.GetName()]; ok {
			text += shortValue(was) + " -> "
			delete(before, v.GetName())
		}
		out = append(out, text+shortValue(v.GetValue()))
	}
	for _, v := range r.GetBefore() {
		if was, ok := before[v.GetName()]; ok {
			out = append(out, v.GetName()+" "+shortValue(was)+" -> none")
		}
	}
	if r.GetReason() != "" {
		out = append(out, fmt.Sprintf("reason %q", r.GetReason()))
	}
	if n := noteOf(r); n.GetUnnoted() > 0 {
		out = append(out, fmt.Sprintf("%d further refusals before it", n.GetUnnoted()))
	}
	if n := r.GetMissing(); n > 0 {
		out = append(out, fmt.Sprintf("%d notes of this device before it are missing", n))
	}
	if r.GetAnew() {
		out = append(out, "the device's notes begin anew")
	}
	return dash(strings.Join(out, ", "))
}

// shortValue cuts hashes and ids, which --json has whole, and puts times into
// the reader's zone.
func shortValue(s string) string {
	const most = 32
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return clock(t)
	}
	if len(s) >= most && strings.Trim(s, "0123456789abcdef") == "" {
		return s[:8]
	}
	return s
}

type findingJSON struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	Text  string `json:"text"`
}

type verifiedJSON struct {
	OK          bool          `json:"ok"`
	Controller  string        `json:"controller"`
	Size        uint64        `json:"size"`
	Root        string        `json:"root"`
	HashesOnly  uint64        `json:"hashes_only"`
	Checkpoints uint32        `json:"checkpoints"`
	Vouchers    []string      `json:"vouchers"`
	Entries     uint64        `json:"entries"`
	Devices     uint32        `json:"devices"`
	Notes       uint64        `json:"notes"`
	Findings    []findingJSON `json:"findings"`
}

func newAuditVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Compare a controller's audit log with what this machine holds",
		Long: `Fetch the whole audit log from a controller, compute its root anew, and compare
it with the checkpoints this machine holds of all controllers, with its own
trust log, and with what each device signed of its sessions. What contradicts
is named, and the exit code is 5. For admins.`,
		Example: "  warren audit verify",
		Args:    noArgs,
		RunE: a.asking(func(ctx context.Context, c *client.Local, _ []string) error {
			r, err := c.Audit.Verify(ctx, &warrenv1.VerifyAuditRequest{})
			if err != nil {
				return err
			}
			if a.json {
				if err := a.printJSON(verifiedOf(r)); err != nil {
					return err
				}
			} else if len(r.GetFindings()) == 0 {
				_ = writeLines(a.out, layOut([][]string{{wholeLog(r)}}, columns(a.out)))
			} else {
				for _, f := range r.GetFindings() {
					fmt.Fprintln(a.out, printable(f.GetText()))
				}
			}
			if n := len(r.GetFindings()); n > 0 {
				return fault.New(fault.Conflict, "the audit log that %s gave contradicts what this machine holds, in %d points", r.GetController(), n).
					Try("the same on another admin's machine, then revoke the controller that is to blame")
			}
			return nil
		}),
	}
}

func verifiedOf(r *warrenv1.VerifyAuditResponse) verifiedJSON {
	out := verifiedJSON{
		OK: len(r.GetFindings()) == 0, Controller: r.GetController(), Size: r.GetSize(), Root: fmt.Sprintf("%x", r.GetRoot()),
		HashesOnly: r.GetHashesOnly(), Checkpoints: r.GetCheckpoints(), Vouchers: nonNil(r.GetVouchers()), Entries: r.GetEntries(),
		Devices: r.GetDevices(), Notes: r.GetNotes(), Findings: []findingJSON{},
	}
	for _, f := range r.GetFindings() {
		out.Findings = append(out.Findings, findingJSON{f.GetFirst(), f.GetLast(), f.GetText()})
	}
	return out
}

// wholeLog says in one sentence what was verified.
func wholeLog(r *warrenv1.VerifyAuditResponse) string {
	text := fmt.Sprintf("The audit log of %s is whole: %s under root %x match %s by %s, %s of this machine's trust log, and %s of %s.",
		r.GetController(), count(r.GetSize(), "record"), r.GetRoot()[:4], count(uint64(r.GetCheckpoints()), "checkpoint"),
		strings.Join(r.GetVouchers(), ", "), count(r.GetEntries(), "statement"), count(r.GetNotes(), "note"), count(uint64(r.GetDevices()), "device"))
	if n := r.GetHashesOnly(); n > 0 {
		text += fmt.Sprintf(" Of the first %s it has the hashes only.", count(n, "record"))
	}
	return text
}

func count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
