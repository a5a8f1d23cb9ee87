package audit_test

import (
	"fmt"
	"strings"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/mesh/identity"
)

// held is what a machine knows that heard checkpoints at these sizes.
func (w *world) held(sizes ...int) audit.Held {
	log := w.state.Log()
	h := audit.Held{Mesh: log.Mesh(), Log: log, Revision: w.state.Revision(), Name: identity.NodeID.Short}
	for i, n := range sizes {
		h.Checkpoints = append(h.Checkpoints, w.sign(logOf(w.records()[:n]), 0, i))
	}
	return h
}

func (w *world) copy(records [][]byte) audit.Copy {
	return audit.Copy{Records: records, Checkpoint: w.sign(logOf(records), 0, 99)}
}

func TestVerifyFindsNothingWrong(t *testing.T) {
	w := newWorld(t)
	r := audit.Verify(w.copy(w.records()), w.held(4, 9, 12))
	if len(r.Findings) != 0 || r.Size != w.log().Size() || r.Root != w.log().Root() {
		t.Errorf("report %+v", r)
	}
	if r.Checkpoints != 4 || len(r.Vouchers) != 1 || r.Devices != 1 || r.Notes != 4 || r.Entries != 7 {
		t.Errorf("compared %d checkpoints of %d, %d devices, %d notes, %d entries", r.Checkpoints, len(r.Vouchers), r.Devices, r.Notes, r.Entries)
	}
}

// The records are: 0 founded, 1 machine, 2 controller, 3 policy, 4 invite, 5
// claim, 6 machine admitted, 7 to 10 notes, 11 invite, 12 invite revoked, 13
// policy.
func TestVerifyNamesTheRecord(t *testing.T) {
	w := newWorld(t)
	whole := w.records()
	change := func(at int, edit func(*warrenv1.AuditRecord)) [][]byte {
		out := append([][]byte{}, whole...)
		out[at] = edited(t, out[at], edit)
		return out
	}
	without := func(at int) [][]byte {
		out := append([][]byte{}, whole[:at]...)
		for i, raw := range whole[at+1:] {
			out = append(out, edited(t, raw, func(r *warrenv1.AuditRecord) { r.Sequence = uint64(at + i) })) //nolint:gosec // few
		}
		return out
	}
	for name, test := range map[string]struct {
		records [][]byte
		held    []int
		want    []string
	}{
		"a policy's record altered": {
			change(3, func(r *warrenv1.AuditRecord) { r.After[1].Value = "no such hash" }),
			[]int{3, 4, 9},
			[]string{"3-3: record 3 was altered, dropped or moved"},
		},
		"altered between checkpoints far apart": {
			change(5, func(r *warrenv1.AuditRecord) { r.Actors[0].Name = "somebody" }),
			[]int{4, 9},
			[]string{"4-8: one of the records 4 to 8 was altered"},
		},
		"altered after all checkpoints but the statement it rests on": {
			change(12, func(r *warrenv1.AuditRecord) { r.Target.Id = []byte("another!") }),
			[]int{4, 9},
			[]string{"12-12: record 12 says something else than the entry it rests on"},
		},
		"a session laid on another": {
			change(7, func(r *warrenv1.AuditRecord) { r.Note.Payload[50] ^= 1 }),
			nil,
			[]string{"7-7: record 7: "},
		},
		"a session made an end": {
			change(7, func(r *warrenv1.AuditRecord) { r.Act = warrenv1.AuditAct_AUDIT_ACT_SESSION_ENDED }),
			nil,
			[]string{"7-7: record 7 says something else than the device"},
		},
		"a note dropped, all renumbered": {
			without(8), nil,
			[]string{"8-8: record 8: 1 notes of device", "the record says 0"},
		},
		"a note dropped, and the gap owned up to": {
			func() [][]byte {
				out := without(8)
				out[8] = edited(t, out[8], func(r *warrenv1.AuditRecord) { r.Missing = 1 })
				return out
			}(),
			[]int{7, 9},
			[]string{"7-8: one of the records 7 to 8 was altered"},
		},
		"an entry's record dropped": {
			without(6), nil,
			[]string{`there is no record of "machine admitted"`},
		},
		"an invite laid on somebody else": {
			change(11, func(r *warrenv1.AuditRecord) { r.Actors[0].Name = "mallory" }),
			nil,
			[]string{`11-11: record 11 calls owner "mallory"`},
		},
		"an entry's record twice": {
			append(append([][]byte{}, whole...), edited(t, whole[6], func(r *warrenv1.AuditRecord) { r.Sequence = 14; r.Revision = w.index })),
			nil,
			[]string{"14-14: record 14 repeats record 6"},
		},
		"an act that nobody signed": {
			append(append([][]byte{}, whole...), edited(t, whole[6], func(r *warrenv1.AuditRecord) {
				r.Sequence, r.Revision, r.Statement = 14, w.index, make([]byte, 32)
			})),
			nil,
			[]string{"14-14: record 14 rests on a statement that is not in the trust log"},
		},
		"the newest dropped": {
			whole[:12],
			[]int{4, 13},
			[]string{"12-12: records 12 to 12 are missing", "there is no record of \"policy replaced\""},
		},
		"two swapped": {
			func() [][]byte {
				out := append([][]byte{}, whole...)
				out[4], out[5] = out[5], out[4]
				return out
			}(),
			[]int{4, 5, 6},
			[]string{"record 5 stands where 4 should", "4-4: record 4 was altered", "record 5 is of revision 2"},
		},
		"noise": {
			append(append([][]byte{}, whole[:13]...), []byte("noise")),
			[]int{13},
			[]string{"13-13: record 13: audit record not acceptable"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := audit.Verify(w.copy(test.records), w.held(test.held...))
			var text strings.Builder
			for _, f := range r.Findings {
				fmt.Fprintf(&text, "%d-%d: %s\n", f.First, f.Last, f.Text)
			}
			for _, want := range test.want {
				if !strings.Contains(text.String(), want) {
					t.Errorf("found\n%swant %q", text.String(), want)
				}
			}
			if len(r.Findings) > 4 {
				t.Errorf("found too much:\n%s", text.String())
			}
		})
	}
}

// Of records that a controller has no more, the hashes are enough to know that
// the rest stands on them.
func TestVerifyWithHashesOnly(t *testing.T) {
	w := newWorld(t)
	whole := w.records()
	c := w.copy(whole)
	c.Leaves, c.First, c.Records = w.log().Leaves(0, 8), 8, whole[8:]
	if r := audit.Verify(c, w.held(4, 9, 12)); len(r.Findings) != 0 || r.Notes != 3 {
		t.Errorf("report %+v", r)
	}
	c.Leaves[70] ^= 1
	r := audit.Verify(c, w.held(2, 4, 9))
	if len(r.Findings) != 1 || r.Findings[0].First != 2 || r.Findings[0].Last != 3 {
		t.Errorf("report %+v", r)
	}
	c.Leaves = c.Leaves[:32]
	if r := audit.Verify(c, w.held()); len(r.Findings) == 0 {
		t.Error("missing hashes are not noticed")
	}
}
