package audit

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// Bounds of notes.
const (
	// MaxNotes is how many go into one command.
	MaxNotes = 64
	// maxNote bounds the payload of one, in bytes; maxWord and maxReason bound
	// its texts.
	maxNote   = 2 << 10
	maxWord   = 64
	maxReason = 256

	sessionSize = 16
)

// ErrNote is what every refusal of a note wraps.
var ErrNote = errors.New("note not acceptable")

// Note is a device's word on one session, verified.
type Note struct {
	Device   identity.NodeID
	Chain    uint64
	Sequence uint64
	Previous [32]byte // zero in the first
	Hash     [32]byte
	Act      warrenv1.AuditAct
	Time     time.Time

	Body      *warrenv1.Note
	Statement *warrenv1.Statement
}

// SignNote makes the statement of a note with the device's key. Texts in m
// that OpenNote would refuse are made fit.
func SignNote(m *warrenv1.Note, key identity.NodeKey) (*warrenv1.Statement, error) {
	m.Device = key.Public()
	m.Verb, m.OsUser = fit(m.GetVerb(), maxWord), fit(m.GetOsUser(), maxWord)
	m.Reason, m.Cause = fit(m.GetReason(), maxReason), fit(m.GetCause(), maxReason)
	return identity.Sign(identity.TypeNote, m, key.Signer())
}

// fit makes s printable and at most that many bytes long.
func fit(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		s = s[:most]
		for s != "" && !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}

// OpenNote verifies a note of mesh: signed by exactly the device it names.
// Errors wrap ErrNote.
func OpenNote(s *warrenv1.Statement, mesh identity.MeshID) (Note, error) {
	if n := len(s.GetPayload()); n > maxNote {
		return Note{}, fmt.Errorf("%w: %d bytes, over %d", ErrNote, n, maxNote)
	}
	m := &warrenv1.Note{}
	signers, err := identity.Open(s, identity.TypeNote, m)
	if err != nil {
		return Note{}, errors.Join(ErrNote, err)
	}
	n := Note{
		Chain: m.GetChain(), Sequence: m.GetSequence(), Hash: identity.HashOf(s), Act: actOf(m.GetKind()),
		Time: time.UnixMilli(m.GetTime()), Body: m, Statement: s,
	}
	copy(n.Previous[:], m.GetPrevious())
	first := m.GetSequence() == 1
	switch {
	case string(m.GetMesh()) != string(mesh[:]):
		err = fmt.Errorf("%w: of another mesh", ErrNote)
	case len(m.GetDevice()) != ed25519.PublicKeySize || len(signers) != 1 || !signers.Has(m.GetDevice()):
		err = fmt.Errorf("%w: not signed by the device it names", ErrNote)
	case n.Chain == 0 || n.Sequence == 0 || first != (len(m.GetPrevious()) == 0) || !first && len(m.GetPrevious()) != len(n.Previous):
		err = fmt.Errorf("%w: number %d of chain %d after %d bytes of hash", ErrNote, n.Sequence, n.Chain, len(m.GetPrevious()))
	case n.Act == warrenv1.AuditAct_AUDIT_ACT_UNSPECIFIED:
		err = fmt.Errorf("%w: kind %d", ErrNote, m.GetKind())
	case len(m.GetSession()) != sessionSize || len(m.GetFrom()) != len(n.Device) ||
		len(m.GetTechnician()) != 0 && len(m.GetTechnician()) != ed25519.PublicKeySize:
		err = fmt.Errorf("%w: a session, machine or technician of the wrong size", ErrNote)
	case !identity.ValidText(m.GetVerb(), maxWord) || !identity.ValidText(m.GetOsUser(), maxWord) ||
		!identity.ValidText(m.GetReason(), maxReason) || !identity.ValidText(m.GetCause(), maxReason):
		err = fmt.Errorf("%w: text that is not printable or too long", ErrNote)
	case !validTime(m.GetTime()):
		err = fmt.Errorf("%w: time %d", ErrNote, m.GetTime())
	}
	n.Device = identity.NodeIDOf(m.GetDevice())
	return n, err
}

func actOf(k warrenv1.NoteKind) warrenv1.AuditAct {
	switch k {
	case warrenv1.NoteKind_NOTE_KIND_OPENED:
		return warrenv1.AuditAct_AUDIT_ACT_SESSION_OPENED
	case warrenv1.NoteKind_NOTE_KIND_ENDED:
		return warrenv1.AuditAct_AUDIT_ACT_SESSION_ENDED
	case warrenv1.NoteKind_NOTE_KIND_REFUSED:
		return warrenv1.AuditAct_AUDIT_ACT_SESSION_REFUSED
	case warrenv1.NoteKind_NOTE_KIND_NOTED:
		return warrenv1.AuditAct_AUDIT_ACT_SESSION_NOTED
	default:
		return warrenv1.AuditAct_AUDIT_ACT_UNSPECIFIED
	}
}

// Chain is where a device's notes are. The zero Chain is before the first.
type Chain struct {
	Number   uint64
	Sequence uint64
	// Head is the newest note's hash.
	Head [32]byte
	// Record is the one that carries it.
	Record uint64
}

// ErrAstray says that a note does not continue the device's chain: the device
// lost its own, and has to begin a new one.
var ErrAstray = errors.New("note does not continue the device's chain")

// Next judges a note against the chain so far. known: it, or one in its place,
// came before. missing counts the notes between that never came; anew tells
// that the device began another chain. Errors wrap ErrAstray.
func (c Chain) Next(n Note) (next Chain, known bool, missing uint64, anew bool, err error) {
	next = Chain{Number: n.Chain, Sequence: n.Sequence, Head: n.Hash}
	switch {
	case n.Chain < c.Number:
		return c, false, 0, false, fmt.Errorf("%w: chain %d after %d", ErrAstray, n.Chain, c.Number)
	case n.Chain > c.Number:
		return next, false, n.Sequence - 1, c.Number != 0, nil
	case n.Sequence < c.Sequence || n.Sequence == c.Sequence && n.Hash == c.Head:
		return c, true, 0, false, nil
	case n.Sequence == c.Sequence:
		return c, false, 0, false, fmt.Errorf("%w: another note %d", ErrAstray, n.Sequence)
	case n.Sequence == c.Sequence+1 && n.Previous != c.Head:
		return c, false, 0, false, fmt.Errorf("%w: note %d follows another", ErrAstray, n.Sequence)
	}
	return next, false, n.Sequence - c.Sequence - 1, false, nil
}
