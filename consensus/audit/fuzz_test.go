package audit_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/mesh/identity"
)

func FuzzDecode(f *testing.F) {
	for _, raw := range newWorld(f).records() {
		f.Add(raw)
	}
	f.Add(append(numbered(1)[0], numbered(2)[1]...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := audit.Decode(raw)
		if err != nil {
			if !errors.Is(err, audit.ErrRecord) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if !bytes.Equal(audit.Encode(r), raw) {
			t.Fatal("two encodings of one record")
		}
		_ = audit.Word(r.GetAct())
	})
}

func FuzzNote(f *testing.F) {
	w := newWorld(f)
	mesh := w.state.Log().Mesh()
	good := must(proto.Marshal(w.Notebook(1, 5).Note(w.state.Log())))
	f.Add(good)
	f.Add(good[:len(good)-7])
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := &warrenv1.Statement{}
		if proto.Unmarshal(raw, s) != nil {
			return
		}
		n, err := audit.OpenNote(s, mesh)
		if err != nil {
			if !errors.Is(err, audit.ErrNote) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if len(audit.Encode(audit.Noted(w.state.Log(), n, 1, true))) > audit.MaxRecord {
			t.Fatal("a note that no record holds")
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	w := newWorld(f)
	mesh := w.state.Log().Mesh()
	good := must(proto.Marshal(w.sign(w.log(), 0, 1).Statement))
	f.Add(good)
	f.Add(good[:len(good)-7])
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := &warrenv1.Statement{}
		if proto.Unmarshal(raw, s) != nil {
			return
		}
		if _, err := audit.OpenCheckpoint(s, mesh); err != nil && !errors.Is(err, identity.ErrStatement) {
			t.Fatalf("an error of no kind: %v", err)
		}
	})
}

func FuzzMemory(f *testing.F) {
	w := newWorld(f)
	wit := w.witness()
	_, _ = wit.Hear(w.sign(w.log(), 0, 1).Statement)
	_, _ = wit.Hear(w.sign(logOf(w.records()[:5]), 0, 2).Statement)
	good := must(wit.Marshal())
	f.Add(good)
	f.Add(good[:len(good)-7])
	f.Fuzz(func(t *testing.T, raw []byte) {
		fresh := w.witness()
		if err := fresh.Unmarshal(raw); err != nil {
			if !errors.Is(err, audit.ErrMemory) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		again := must(fresh.Marshal())
		if err := w.witness().Unmarshal(again); err != nil {
			t.Fatalf("written and not read: %v", err)
		}
	})
}

// FuzzVerify gives Verify one record of somebody's making.
func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	whole := w.records()
	for at, raw := range whole {
		f.Add(raw, byte(at))
	}
	held := w.held(4, 9)
	given := w.copy(whole).Checkpoint
	f.Fuzz(func(t *testing.T, raw []byte, at byte) {
		records := append([][]byte{}, whole...)
		n := int(at) % len(records)
		records[n] = raw
		r := audit.Verify(audit.Copy{Records: records, Checkpoint: given}, held)
		if same := bytes.Equal(raw, whole[n]); same != (len(r.Findings) == 0) {
			t.Fatalf("the record is the same: %v, and the findings are %v", same, r.Findings)
		}
	})
}
