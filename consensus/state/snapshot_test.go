package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/mesh/identity"
)

// lived is a state with something of everything in it.
func lived(tb testing.TB) *world {
	tb.Helper()
	w := founded(tb)
	inv := w.Invite(w.log(), 1, func(i *warrenv1.Invite) { i.Uses, i.Tags = 3, []string{"shop"} })
	w.apply(inv, 0, nil)
	for machine := 1; machine <= 3; machine++ {
		w.apply(w.Claim(w.log(), 1, machine, nil), time.Duration(machine)*time.Second, nil)
	}
	w.apply(w.Claim(w.log(), 1, 4, nil), time.Minute, state.ErrUsed)
	w.apply(w.Append(w.log(), w.Record(w.log(), inv, 1)), time.Minute, nil)
	w.apply(w.Reject(w.log(), 1, 2, w.Founder), time.Minute, nil)
	w.apply(w.Invite(w.log(), 2), time.Minute, nil)
	two := w.InviteID(2)
	w.apply(w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_INVITE, two[:]), time.Minute, nil)
	w.apply(w.Replace(w.log(), `{"grants": [1]}`), time.Minute, nil)
	node := w.Machine(9).ID()
	w.apply(w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, node[:]), time.Minute, nil)
	return w
}

func TestSnapshotRestores(t *testing.T) {
	for name, w := range map[string]*world{
		"empty":   {Mesh: statetest.New(t, "acme"), state: state.New()},
		"founded": founded(t),
		"lived":   lived(t),
	} {
		t.Run(name, func(t *testing.T) {
			raw := bytesOf(t, w.state)
			again := lived(t).state // what was there before is gone
			if err := again.Unmarshal(raw); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, bytesOf(t, again)) {
				t.Error("restored state differs")
			}
			if again.Revision() != w.state.Revision() || len(again.Pending()) != len(w.state.Pending()) {
				t.Errorf("revision %d, %d pending", again.Revision(), len(again.Pending()))
			}
		})
	}
}

// Two controllers, one of which was restored from a snapshot half-way, agree.
func TestRestoredGoesOnAlike(t *testing.T) {
	a := lived(t)
	b := state.New()
	if err := b.Unmarshal(bytesOf(t, a.state)); err != nil {
		t.Fatal(err)
	}
	inv := a.Invite(a.log(), 1, func(i *warrenv1.Invite) { i.Uses, i.Tags = 3, []string{"shop"} })
	log := a.log()
	for i, body := range []proto.Message{
		a.Claim(log, 1, 4, nil), a.Claim(log, 1, 2, nil), a.Claim(log, 1, 3, nil),
		a.Append(log, a.Record(log, inv, 3)), a.Reject(log, 1, 3, a.Founder), a.Replace(log, "{}"), a.Invite(log, 7),
	} {
		c := a.Command(body, 2*time.Minute)
		ra, rb := a.state.Apply(uint64(100+i), c), b.Apply(uint64(100+i), c)
		if fmt.Sprint(ra) != fmt.Sprint(rb) {
			t.Errorf("%T: one answers %v, the other %v", body, ra, rb)
		}
	}
	if !bytes.Equal(bytesOf(t, a.state), bytesOf(t, b)) {
		t.Error("states differ")
	}
}

func TestSnapshotRefused(t *testing.T) {
	whole := bytesOf(t, lived(t).state)
	other := statetest.New(t, "other")
	for name, test := range map[string]struct {
		change func(*warrenv1.Snapshot)
		want   error
	}{
		"format 0":             {func(m *warrenv1.Snapshot) { m.Format = 0 }, state.ErrSnapshot},
		"newer format":         {func(m *warrenv1.Snapshot) { m.Format++ }, state.ErrFormat},
		"no genesis":           {func(m *warrenv1.Snapshot) { m.Entries = nil }, state.ErrSnapshot},
		"an entry missing":     {func(m *warrenv1.Snapshot) { m.Entries = append(m.Entries[:2], m.Entries[3:]...) }, state.ErrSnapshot},
		"the newest missing":   {func(m *warrenv1.Snapshot) { m.Entries = m.Entries[:len(m.Entries)-1] }, state.ErrSnapshot},
		"entry altered":        {func(m *warrenv1.Snapshot) { m.Entries[2].Payload[40] ^= 1 }, state.ErrSnapshot},
		"foreign entry":        {func(m *warrenv1.Snapshot) { m.Entries[2] = other.Founding().Entries[2] }, state.ErrSnapshot},
		"revocation altered":   {func(m *warrenv1.Snapshot) { m.Revocations[0].Signatures[0].Signature[3] ^= 1 }, state.ErrSnapshot},
		"folded one missing":   {func(m *warrenv1.Snapshot) { m.Revocations = m.Revocations[1:] }, state.ErrSnapshot},
		"another policy":       {func(m *warrenv1.Snapshot) { m.Policy = []byte("{}") }, state.ErrSnapshot},
		"invite altered":       {func(m *warrenv1.Snapshot) { m.Invites[0].Payload[50] ^= 1 }, state.ErrSnapshot},
		"invite twice":         {func(m *warrenv1.Snapshot) { m.Invites = append(m.Invites, m.Invites[0]) }, state.ErrSnapshot},
		"invite of a stranger": {func(m *warrenv1.Snapshot) { m.Invites[0] = foreignInvite(t) }, state.ErrSnapshot},
		"invite missing":       {func(m *warrenv1.Snapshot) { m.Invites = nil }, state.ErrSnapshot},
		"claim altered":        {func(m *warrenv1.Snapshot) { m.Claims[0].Claim.Payload[50] ^= 1 }, state.ErrSnapshot},
		"claim twice":          {func(m *warrenv1.Snapshot) { m.Claims[1] = m.Claims[0] }, state.ErrSnapshot},
		"claim beyond uses":    {func(m *warrenv1.Snapshot) { m.Claims = append(m.Claims, fourthClaim(t)) }, state.ErrSnapshot},
		"claim of no state":    {func(m *warrenv1.Snapshot) { m.Claims[0].State = 0 }, state.ErrSnapshot},
		"claim of state 9":     {func(m *warrenv1.Snapshot) { m.Claims[0].State = 9 }, state.ErrSnapshot},
		"claim from a terminal": {func(m *warrenv1.Snapshot) {
			m.Claims[0].From = "\x1b[2J"
		}, state.ErrSnapshot},
		"claim before 1970":    {func(m *warrenv1.Snapshot) { m.Claims[0].Time = -1 }, state.ErrSnapshot},
		"claim in no year":     {func(m *warrenv1.Snapshot) { m.Claims[0].Time = math.MaxInt64 }, state.ErrSnapshot},
		"pending as admitted":  {decided(warrenv1.ClaimState_CLAIM_STATE_PENDING, warrenv1.ClaimState_CLAIM_STATE_ADMITTED), state.ErrSnapshot},
		"pending as rejected":  {decided(warrenv1.ClaimState_CLAIM_STATE_PENDING, warrenv1.ClaimState_CLAIM_STATE_REJECTED), state.ErrSnapshot},
		"rejected as pending":  {decided(warrenv1.ClaimState_CLAIM_STATE_REJECTED, warrenv1.ClaimState_CLAIM_STATE_PENDING), state.ErrSnapshot},
		"rejection of another": {swappedRejection, state.ErrSnapshot},
		"refused by nobody":    {func(m *warrenv1.Snapshot) { m.Refused[0].Node = nil }, state.ErrSnapshot},
		"refused too often":    {func(m *warrenv1.Snapshot) { m.Refused[0].Count = state.MaxRefused + 1 }, state.ErrSnapshot},
		"refused, of nothing":  {func(m *warrenv1.Snapshot) { m.Refused[0].Invite = make([]byte, 8) }, state.ErrSnapshot},
		"refused twice":        {func(m *warrenv1.Snapshot) { m.Refused = append(m.Refused, m.Refused[0]) }, state.ErrSnapshot},
	} {
		t.Run(name, func(t *testing.T) {
			var m warrenv1.Snapshot
			if err := proto.Unmarshal(whole, &m); err != nil {
				t.Fatal(err)
			}
			test.change(&m)
			raw, err := proto.Marshal(&m)
			if err != nil {
				t.Fatal(err)
			}
			s := founded(t).state
			before := bytesOf(t, s)
			if err := s.Unmarshal(raw); !errors.Is(err, test.want) {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			if !bytes.Equal(before, bytesOf(t, s)) {
				t.Error("refused, and the state is another")
			}
		})
	}
	t.Run("noise", func(t *testing.T) {
		if err := state.New().Unmarshal([]byte("\xff\xff\xff")); !errors.Is(err, state.ErrSnapshot) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("cut", func(t *testing.T) {
		if err := state.New().Unmarshal(whole[:len(whole)-9]); !errors.Is(err, state.ErrSnapshot) && !errors.Is(err, state.ErrFormat) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("unknown field", func(t *testing.T) {
		newer := protowire.AppendVarint(protowire.AppendTag(bytes.Clone(whole), 1000, protowire.VarintType), 1)
		if err := state.New().Unmarshal(newer); !errors.Is(err, state.ErrFormat) {
			t.Errorf("error is %v", err)
		}
	})
}

func decided(from, to warrenv1.ClaimState) func(*warrenv1.Snapshot) {
	return func(m *warrenv1.Snapshot) {
		for _, c := range m.GetClaims() {
			if c.GetState() == from {
				c.State = to
			}
		}
	}
}

// swappedRejection lets the rejection of one machine turn down another.
func swappedRejection(m *warrenv1.Snapshot) {
	for _, c := range m.GetClaims() {
		if c.GetState() != warrenv1.ClaimState_CLAIM_STATE_REJECTED {
			continue
		}
		for _, d := range m.GetClaims() {
			if d.GetState() == warrenv1.ClaimState_CLAIM_STATE_PENDING {
				d.State, d.Rejection = c.GetState(), c.GetRejection()
			}
		}
	}
}

func foreignInvite(t *testing.T) *warrenv1.Statement {
	m := statetest.New(t, "acme")
	log := m.Log()
	m.Founder = m.Key("stranger")
	return m.Invite(log, 5).GetInvite()
}

func fourthClaim(t *testing.T) *warrenv1.StoredClaim {
	m := statetest.New(t, "acme")
	return &warrenv1.StoredClaim{
		Claim: m.Claim(m.Log(), 1, 4, nil).GetClaim(), State: warrenv1.ClaimState_CLAIM_STATE_PENDING,
	}
}

// The bytes of every format as they were written first restore for ever.
func TestGoldenSnapshot(t *testing.T) {
	w, _ := noted(t)
	for _, test := range []struct {
		file  string
		audit uint64
	}{
		{"snapshot-v1.pb", 0},
		{"snapshot-v2.pb", 17},
		{"snapshot-v3.pb", 17},
	} {
		path := filepath.Join("testdata", "golden", test.file)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && *update {
			if err := os.WriteFile(path, bytesOf(t, w.state), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := state.New()
		if err := s.Unmarshal(golden); err != nil {
			t.Fatal(err)
		}
		if s.Log().Mesh() != w.log().Mesh() || len(s.Claims()) != 3 || len(s.Invites()) != 2 {
			t.Errorf("%s has %d claims and %d invites", test.file, len(s.Claims()), len(s.Invites()))
		}
		if s.Invites()[0].Refused.Count+s.Invites()[1].Refused.Count != 1 {
			t.Errorf("%s has no refused claim", test.file)
		}
		if got := s.Snapshot().Audit().Size(); got != test.audit {
			t.Errorf("%s has %d audit records, want %d", test.file, got, test.audit)
		}
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add(bytesOf(f, state.New()))
	f.Add(bytesOf(f, founded(f).state))
	f.Add(bytesOf(f, lived(f).state))
	w, _ := noted(f)
	f.Add(bytesOf(f, w.state))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := state.New()
		if err := s.Unmarshal(raw); err != nil {
			if !errors.Is(err, state.ErrSnapshot) && !errors.Is(err, state.ErrFormat) {
				t.Fatalf("an error of no kind: %v", err)
			}
			if s.Revision() != 0 || s.Log() != nil {
				t.Fatal("refused, and the state is another")
			}
			return
		}
		again := bytesOf(t, s)
		if err := state.New().Unmarshal(again); err != nil {
			t.Fatalf("restored state gives bytes that do not restore: %v", err)
		}
		for _, c := range s.Claims() {
			if _, ok := s.Invite(c.Claim.Invite); !ok {
				t.Fatal("claim without invite")
			}
		}
	})
}

// FuzzApply throws commands that decode at a state that has lived: whatever
// they hold, nothing panics, and what is refused changes nothing.
func FuzzApply(f *testing.F) {
	w := lived(f)
	log := w.log()
	inv := w.Invite(log, 1, func(i *warrenv1.Invite) { i.Uses, i.Tags = 3, []string{"shop"} })
	for _, body := range []proto.Message{
		w.Founding(), w.Claim(log, 1, 4, nil), w.Claim(log, 1, 3, nil), w.Append(log, w.Record(log, inv, 3)),
		w.Reject(log, 1, 3, w.Founder), w.Replace(log, "{}"), w.Invite(log, 7),
		w.Revoke(log, warrenv1.RevocationKind_REVOCATION_KIND_NODE, make([]byte, len(identity.NodeID{}))),
		&warrenv1.EntriesAppended{Entries: []*warrenv1.Statement{nil}}, &warrenv1.MeshFounded{},
		&warrenv1.AuditNoted{Notes: []*warrenv1.Statement{w.Notebook(1, 1).Note(log)}},
	} {
		raw, err := w.Command(body, time.Minute).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	whole := bytesOf(f, w.state)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := command.Decode(raw)
		if err != nil {
			return
		}
		s := state.New()
		if err := s.Unmarshal(whole); err != nil {
			t.Fatal(err)
		}
		r := s.Apply(1000, c)
		if r.Err != nil && bytes.Contains([]byte(r.Err.Error()), []byte("panicked")) {
			t.Fatal(r.Err)
		}
		after := bytesOf(t, s)
		if r.Err != nil && !errors.Is(r.Err, state.ErrUsed) && !bytes.Equal(whole, after) {
			t.Fatalf("refused with %v and still changed the state", r.Err)
		}
		if err := state.New().Unmarshal(after); err != nil {
			t.Fatalf("%s led to a state that does not restore: %v", c.Kind, err)
		}
	})
}
