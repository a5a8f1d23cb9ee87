package audit_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/state/statetest"
	"warren/mesh/identity"
)

func TestNoteRefused(t *testing.T) {
	m := statetest.New(t, "acme")
	log := m.Log()
	for name, change := range map[string]func(*warrenv1.Note){
		"another mesh":          func(n *warrenv1.Note) { n.Mesh = make([]byte, 32) },
		"no chain":              func(n *warrenv1.Note) { n.Chain = 0 },
		"number 0":              func(n *warrenv1.Note) { n.Sequence = 0 },
		"a first after another": func(n *warrenv1.Note) { n.Previous = make([]byte, 32) },
		"a second after none":   func(n *warrenv1.Note) { n.Sequence = 2 },
		"no kind":               func(n *warrenv1.Note) { n.Kind = 0 },
		"kind 9":                func(n *warrenv1.Note) { n.Kind = 9 },
		"no session":            func(n *warrenv1.Note) { n.Session = nil },
		"half a technician":     func(n *warrenv1.Note) { n.Technician = n.Technician[:16] },
		"from nowhere":          func(n *warrenv1.Note) { n.From = nil },
		"before 1970":           func(n *warrenv1.Note) { n.Time = -1 },
		"too long":              func(n *warrenv1.Note) { n.Session = make([]byte, 4<<10) },
	} {
		if _, err := audit.OpenNote(m.Notebook(0, 1).Note(log, change), log.Mesh()); !errors.Is(err, audit.ErrNote) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := m.Notebook(0, 1).Note(log)
	for name, change := range map[string]func(*warrenv1.Statement){
		"payload":   func(s *warrenv1.Statement) { s.Payload[80] ^= 1 },
		"signature": func(s *warrenv1.Statement) { s.Signatures[0].Signature[5] ^= 1 },
		"key":       func(s *warrenv1.Statement) { s.Signatures[0].Key = m.Machine(1).Public() },
		"type":      func(s *warrenv1.Statement) { s.Type = string(identity.TypeOffer) },
		"unsigned":  func(s *warrenv1.Statement) { s.Signatures = nil },
	} {
		s := proto.CloneOf(good)
		change(s)
		if _, err := audit.OpenNote(s, log.Mesh()); !errors.Is(err, audit.ErrNote) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A device speaks of itself only.
	_, err := audit.OpenNote(must(identity.Sign(identity.TypeNote, func() *warrenv1.Note {
		var n warrenv1.Note
		_ = proto.Unmarshal(good.GetPayload(), &n)
		return &n
	}(), m.Machine(1).Signer())), log.Mesh())
	if !errors.Is(err, audit.ErrNote) {
		t.Errorf("signed by another: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What an offer claimed may be anything: it is made fit to be printed.
func TestNotesAreMadeFit(t *testing.T) {
	m := statetest.New(t, "acme")
	s := m.Notebook(0, 1).Note(m.Log(), func(n *warrenv1.Note) {
		n.Verb, n.OsUser = "\x1b[2J", strings.Repeat("é", 100)
		n.Reason, n.Cause = "two\nlines", "\xff"
	})
	n, err := audit.OpenNote(s, m.Log().Mesh())
	if err != nil {
		t.Fatal(err)
	}
	if b := n.Body; b.GetVerb() != "?[2J" || len(b.GetOsUser()) != 64 || b.GetReason() != "two?lines" || b.GetCause() != "?" {
		t.Errorf("note %v", b)
	}
}
